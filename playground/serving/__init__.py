"""Serve the built site on this machine. Standard library only: ``build.py`` uses it before anything is installed."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playground.errors import InvalidInputError, MissingError
from playground.serving.handler import HASHED, SiteHandler

__all__ = ["DEFAULT_PORT", "HASHED", "HOST", "SiteServer", "make_server"]

HOST = "127.0.0.1"
DEFAULT_PORT = 8000


class SiteServer(ThreadingHTTPServer):
    """A server of one folder on the loopback address.

    ``with make_server(folder) as server: server.serve_forever()``; ``server.url`` is its address.

    Attributes:
        patience: seconds that a client may take for its next request, all of it, and for each part of a reply.
        max_connections: how many are served at once, each by a thread. A browser opens six.
    """

    patience = 10.0
    max_connections = 64

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # there it would let two servers share a port
    request_queue_size = 128

    def __init__(self, *args: Any, **options: Any) -> None:
        """Bind it, as the base class does."""
        self._free = threading.BoundedSemaphore(self.max_connections)
        self._lock = threading.Lock()
        self._waiting: dict[socket.socket, None] = {}
        super().__init__(*args, **options)

    @property
    def url(self) -> str:
        """The address to open."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def waits(self, connection: socket.socket) -> None:
        """Note that no request is there yet: it may be closed when others need its thread."""
        with self._lock:
            self._waiting[connection] = None

    def is_busy(self, connection: socket.socket) -> None:
        """Note that a request is being answered."""
        with self._lock:
            self._waiting.pop(connection, None)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection; the longest waiting one makes room for it if there is none."""
        if not self._free.acquire(blocking=False):
            self._close_longest_waiting()
            if not self._free.acquire(timeout=self.patience):
                self.shutdown_request(request)
                return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be started
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection until it ends."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.is_busy(request)
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that hung up; anything else is a fault of ours and shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def _close_longest_waiting(self) -> None:
        with self._lock:
            connection = next(iter(self._waiting), None)
            if connection is None:
                return
            del self._waiting[connection]
            try:
                # Its thread reads the end of the connection, and ends.
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # the client was faster
                return


def make_server(folder: Path, port: int = DEFAULT_PORT) -> SiteServer:
    """Bind a server of ``folder``; port 0 takes any free one.

    Raises:
        MissingError: the folder holds no built site.
        InvalidInputError: the port is taken, not allowed or not a port number.
    """
    if not (folder / "index.html").is_file():
        raise MissingError("the folder has no built site", where=str(folder), hint="Run `python build.py site` first")
    if not 0 <= port <= 65535:
        raise InvalidInputError(
            f"{port} is not a port number", where="port", hint="Use a number from 1024 to 65535, or 0"
        )
    try:
        return SiteServer((HOST, port), partial(SiteHandler, directory=str(folder)))
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        what = "another program uses the port" if taken else f"the port cannot be used ({error.strerror})"
        raise InvalidInputError(what, where=f"port {port}", hint="Choose another port with --port") from error
