"""The answer to one request: a file of the site, or a short refusal."""

from __future__ import annotations

import io
import os
import re
import stat
import time
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from socket import socket
from typing import BinaryIO, Protocol, cast

from playground.serving.headers import headers_of
from playground.serving.requests import RefusedError, checked_target

HASHED = re.compile(r"-[0-9a-f]{10}(/|\.json$)")
"""An address that changes with its content, as the build makes them: it may be kept for ever."""

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Content encoding -> the ending of the copy that has it, the better one first."""


class Connections(Protocol):
    """What a server knows of its connections.

    Attributes:
        patience: seconds that a client may take for its next request, all of it, and for each part of a reply.
    """

    patience: float

    def waits(self, connection: socket) -> None:
        """Note that no request is there yet: it may be closed when others need its thread."""

    def is_busy(self, connection: socket) -> None:
        """Note that a request is being answered."""


class _PatientReader(io.RawIOBase):
    """A connection's bytes, with one deadline for all of them.

    Attributes:
        deadline: when to give up, as ``time.monotonic`` counts.
    """

    def __init__(self, connection: socket, patience: float) -> None:
        self._connection, self._patience = connection, patience
        self.deadline = 0.0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read what is there. Raises TimeoutError after the deadline."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        try:
            return self._connection.recv_into(buffer)
        finally:
            # Replies are sent with a time of their own.
            self._connection.settimeout(self._patience)


class SiteHandler(SimpleHTTPRequestHandler):
    """Files below one folder, with the types a browser insists on, compressed where there is a compressed copy.

    What has its hash in its address may be kept for ever; all else is asked for again each time. The base class handles
    ``Last-Modified`` and ``If-Modified-Since``: an unchanged file costs one round trip.
    """

    protocol_version = "HTTP/1.1"  # keeps connections open: the page asks for dozens of files
    default_request_version = "HTTP/1.0"  # the base class answers what it cannot read without a status line otherwise

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

    def setup(self) -> None:
        """Read with a deadline: the base class would wait anew for each byte."""
        super().setup()
        self._connections = cast("Connections", self.server)
        self._reader = _PatientReader(self.connection, self._connections.patience)
        self.rfile.close()
        self.rfile = io.BufferedReader(self._reader)

    def handle_one_request(self) -> None:
        """Answer the next request, or hang up when it does not come in time."""
        self._reader.deadline = time.monotonic() + self._connections.patience
        self._connections.waits(self.connection)
        try:
            super().handle_one_request()
        except ConnectionError:  # the client hung up
            self.close_connection = True

    def parse_request(self) -> bool:
        """Read the request and refuse what no browser of this machine's own pages would send."""
        if not super().parse_request():
            return False
        self._connections.is_busy(self.connection)
        try:
            self.path = checked_target(self.path, self.headers)
        except RefusedError as refusal:
            self.path = ""
            self.send_error(refusal.status, explain=str(refusal))
            return False
        return True

    def translate_path(self, path: str) -> str:
        """The file or folder that an address names, links followed; of ``.../`` its page.

        What lies outside the site, and what is neither a plain file nor a folder, does not exist.
        """
        asked = super().translate_path(path)
        # Not Path.resolve, which raises an error where links go round in a circle.
        root = Path(os.path.realpath(self.directory))
        found = Path(os.path.realpath(Path(asked, "index.html") if asked.endswith("/") else asked))
        if found.is_relative_to(root) and _kind(found) in (stat.S_IFREG, stat.S_IFDIR):
            return str(found)
        # Below a file there is nothing.
        return str(root / "index.html" / "none")

    def guess_type(self, path: object) -> str:
        """The type by the name's ending, from the table above alone."""
        name = str(path).removesuffix(ENCODINGS[self.encoding]) if self.encoding else str(path)
        return self.extensions_map.get(Path(name).suffix.lower(), "application/octet-stream")

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Answer with the best compressed copy that the browser accepts and the site has."""
        asked = self.path
        self.encoding = self._best_encoding()
        if self.encoding:
            self.path = self._copy(self.encoding)
        try:
            return super().send_head()
        finally:
            self.path, self.encoding = asked, None

    def _copy(self, encoding: str) -> str:
        """The address of the requested file's copy in an encoding."""
        place, mark, query = self.path.partition("?")
        return f"{place}{'index.html' * place.endswith('/')}{ENCODINGS[encoding]}{mark}{query}"

    def _best_encoding(self) -> str | None:
        if _kind(self.translate_path(self.path)) != stat.S_IFREG:
            return None
        accepted = accepted_encodings(self.headers.get("Accept-Encoding", ""))
        copies = (encoding for encoding in ENCODINGS if encoding in accepted)
        return next((c for c in copies if _kind(self.translate_path(self._copy(c))) == stat.S_IFREG), None)

    def end_headers(self) -> None:
        """Add the headers that every reply carries."""
        kept = HASHED.search(self.path.partition("?")[0]) and self._status < HTTPStatus.BAD_REQUEST
        self.send_header("Cache-Control", "public, max-age=31536000, immutable" if kept else "no-cache")
        self.send_header("Vary", "Accept-Encoding")
        if self.encoding:
            self.send_header("Content-Encoding", self.encoding)
        for name, value in headers_of(Path(self.directory), self.path.partition("?")[0]).items():
            self.send_header(name, value)
        super().end_headers()

    def send_response(self, code: int, message: str | None = None) -> None:
        """Begin a reply; whether it is an error decides how long it may be kept."""
        self._status = code
        super().send_response(code, message)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with an error by its own name: the base class repeats a request that it cannot read."""
        super().send_error(code, None, explain)

    def list_directory(self, path: object) -> None:
        """Folders are not listed."""
        self.send_error(404, "File not found")

    def log_message(self, *_: object) -> None:
        """Say nothing for each request."""


def _kind(path: str | Path) -> int | None:
    """What is at a path, as ``stat.S_IFMT`` says it; None if nothing that can be looked at."""
    try:
        return stat.S_IFMT(Path(path).stat().st_mode)
    except OSError:
        return None


def accepted_encodings(header: str) -> set[str]:
    """What an ``Accept-Encoding`` header takes: its names without those of quality 0 (RFC 9110, 12.5.3)."""
    accepted = set()
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name and not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters):
            accepted.add(name)
    return accepted
