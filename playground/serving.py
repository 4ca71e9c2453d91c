"""Serve the built site on this machine. Standard library only: ``build.py`` uses it before anything is installed."""

from __future__ import annotations

import errno
import os
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playground.errors import InvalidInputError, MissingError

HOST = "127.0.0.1"
DEFAULT_PORT = 8000


class SiteHandler(SimpleHTTPRequestHandler):
    """Files below one folder, with the types a browser insists on; nothing is cached without asking again.

    The base class handles ``Last-Modified`` and ``If-Modified-Since``: an unchanged file costs one round trip.
    """

    protocol_version = "HTTP/1.1"  # keeps connections open: the page asks for dozens of files

    extensions_map = {  # noqa: RUF012 - declared so by the base class. Complete, because the system's own table may be wrong (Windows)
        "": "application/octet-stream",
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".mjs": "text/javascript; charset=utf-8",
        ".json": "application/json",
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
    }

    def guess_type(self, path: object) -> str:
        """The type by the name's ending, from the table above alone."""
        return self.extensions_map.get(Path(str(path)).suffix.lower(), "application/octet-stream")

    def end_headers(self) -> None:
        """Add the headers that every reply carries."""
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def list_directory(self, path: object) -> None:
        """Folders are not listed."""
        self.send_error(404, "File not found")

    def log_message(self, *_: object) -> None:
        """Say nothing for each request."""


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
