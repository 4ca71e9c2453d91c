"""A small site that is served, and requests sent to it byte by byte."""

import contextlib
import socket
import threading

import pytest

from playground.serving import SiteServer, make_server

SECRET = b"not part of the site"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    around = tmp_path_factory.mktemp("around")
    (around / "secret.txt").write_bytes(SECRET)
    folder = around / "site"
    (folder / "inner").mkdir(parents=True)
    (folder / "index.html").write_bytes(b"<title>here</title>")
    (folder / "a.txt").write_bytes(b"A" * 5)
    (folder / "inner" / "index.html").write_bytes(b"inner")
    (folder / "with space.txt").write_bytes(b"space")
    return folder


@contextlib.contextmanager
def served(folder):
    with make_server(folder, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def server(site):
    with served(site) as running:
        yield running


@pytest.fixture
def brief(site, monkeypatch):
    """A server that soon loses patience and has few threads."""
    monkeypatch.setattr(SiteServer, "patience", 0.4)
    monkeypatch.setattr(SiteServer, "max_connections", 4)
    with served(site) as running:
        yield running


def send(server, data):
    """Send bytes as they are and read until the server hangs up."""
    with socket.create_connection(server.server_address, timeout=20) as connection:
        connection.sendall(data)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                received += part
    return received


def ask(server, target="/a.txt", *headers, method="GET", host="localhost", version="HTTP/1.1"):
    """The whole reply to one request."""
    given = [*([f"Host: {host}"] if host is not None else []), *headers, "Connection: close", "", ""]
    return send(server, f"{method} {target} {version}\r\n".encode() + "\r\n".join(given).encode("latin-1"))


def status(reply):
    head = reply.split(b"\r\n", 1)[0].split(b" ", 2)
    assert head[0].startswith(b"HTTP/1."), reply[:100]
    return int(head[1])


@pytest.fixture(autouse=True)
def nothing_is_printed(capfd):
    yield
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
