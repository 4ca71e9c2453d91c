"""Serve the built site on this machine. Standard library only: ``build.py`` uses it before anything is installed."""

from __future__ import annotations

import errno
import io
import os
import re
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

from playground.errors import InvalidInputError, MissingError

HOST = "127.0.0.1"
DEFAULT_PORT = 8000

HASHED = re.compile(r"-[0-9a-f]{10}(/|\.json$)")
"""An address that changes with its content, as the build makes them: it may be kept for ever."""

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Content encoding -> the ending of the copy that has it, the better one first."""


class SiteHandler(SimpleHTTPRequestHandler):
    """Files below one folder, with the types a browser insists on, compressed where there is a compressed copy.

    What has its hash in its address may be kept for ever; all else is asked for again each time. The base class handles
    ``Last-Modified`` and ``If-Modified-Since``: an unchanged file costs one round trip.
    """

    protocol_version = "HTTP/1.1"  # keeps connections open: the page asks for dozens of files

    extensions_map = {  # noqa: RUF012 - declared so by the base class. Complete, because the system's own table may be wrong (Windows)
        "": "application/octet-stream",
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".mjs": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".webmanifest": "application/manifest+json",
        ".map": "application/json",
        ".wasm": "application/wasm",  # WebAssembly.instantiateStreaming refuses any other
        ".whl": "application/zip",
        ".zip": "application/zip",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".ico": "image/x-icon",
        ".woff2": "font/woff2",
        ".woff": "font/woff",
        ".txt": "text/plain; charset=utf-8",
        ".onnx": "application/octet-stream",
        ".gz": "application/gzip",
        ".zst": "application/zstd",
    }

    _status = 0
    encoding: str | None = None
    """The content encoding of the reply to the present request."""

    path = ""  # a request that cannot be read has none, and is answered too

    def guess_type(self, path: object) -> str:
        """The type by the name's ending, from the table above alone."""
        name = str(path).removesuffix(ENCODINGS[self.encoding]) if self.encoding else str(path)
        return self.extensions_map.get(Path(name).suffix.lower(), "application/octet-stream")

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Answer with the best compressed copy that the browser accepts and the site has."""
        asked = self.path
        self.encoding = self._best_encoding()
        if self.encoding:
            place, mark, query = asked.partition("?")
            self.path = f"{place}{'index.html' * place.endswith('/')}{ENCODINGS[self.encoding]}{mark}{query}"
        try:
            return super().send_head()
        finally:
            self.path, self.encoding = asked, None

    def _best_encoding(self) -> str | None:
        accepted = accepted_encodings(self.headers.get("Accept-Encoding", ""))
        place = Path(self.translate_path(self.path))
        place = place / "index.html" if place.is_dir() and self.path.partition("?")[0].endswith("/") else place
        for encoding, suffix in ENCODINGS.items():
            if encoding in accepted and place.is_file() and place.with_name(place.name + suffix).is_file():
                return encoding
        return None

    def end_headers(self) -> None:
        """Add the headers that every reply carries."""
        kept = HASHED.search(self.path.partition("?")[0]) and self._status < HTTPStatus.BAD_REQUEST
        self.send_header("Cache-Control", "public, max-age=31536000, immutable" if kept else "no-cache")
        self.send_header("Vary", "Accept-Encoding")
        if self.encoding:
            self.send_header("Content-Encoding", self.encoding)
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def send_response(self, code: int, message: str | None = None) -> None:
        """Begin a reply; whether it is an error decides how long it may be kept."""
        self._status = code
        super().send_response(code, message)

    def list_directory(self, path: object) -> None:
        """Folders are not listed."""
        self.send_error(404, "File not found")

    def log_message(self, *_: object) -> None:
        """Say nothing for each request."""


def accepted_encodings(header: str) -> set[str]:
    """What an ``Accept-Encoding`` header takes: its names without those of quality 0 (RFC 9110, 12.5.3)."""
    accepted = set()
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name and not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters):
            accepted.add(name)
    return accepted


class SiteServer(ThreadingHTTPServer):
    """A server of one folder on the loopback address.

    ``with make_server(folder) as server: server.serve_forever()``; ``server.url`` is its address.
    """

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # there it would let two servers share a port

    @property
    def url(self) -> str:
        """The address to open."""
        return f"http://{HOST}:{self.server_address[1]}/"


def make_server(folder: Path, port: int = DEFAULT_PORT) -> SiteServer:
    """Bind a server of ``folder``; port 0 takes any free one.

    Raises:
        MissingError: the folder holds no built site.
        InvalidInputError: the port is taken, not allowed or not a port number.
    """
    if not (folder / "index.html").is_file():
        raise MissingError("no built site here", where=str(folder), hint="Run `python build.py site` first")
    if not 0 <= port <= 65535:
        raise InvalidInputError(f"{port} is not a port number", where="port", hint="Use one from 1024 to 65535, or 0")
    try:
        return SiteServer((HOST, port), partial(SiteHandler, directory=str(folder)))
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        what = "another program already uses it" if taken else f"it cannot be used ({error.strerror})"
        raise InvalidInputError(what, where=f"port {port}", hint="Choose another with --port") from error
