"""Slow, idle, many and impolite clients."""

import contextlib
import socket
import threading
import time
import urllib.request

import pytest

from playground.serving import SiteServer
from playground.serving.handler import _PatientReader
from tests.serving.conftest import ask, served


def test_an_idle_connection_is_closed(brief):
    with socket.create_connection(brief.server_address, timeout=20) as connection:
        assert connection.recv(1) == b""


def test_a_client_that_sends_byte_by_byte_is_closed_after_the_same_time(brief):
    with socket.create_connection(brief.server_address, timeout=20) as connection, pytest.raises(OSError, match=r"."):
        for byte in b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 2000:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)


def test_bytes_that_come_after_the_deadline_are_not_read():
    """However many there are: the deadline is that of the whole request."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"GET / HTTP/1.1\r\n")
        reader = _PatientReader(ours, 5.0)
        reader.deadline = time.monotonic() + 60
        assert reader.read(4) == b"GET "
        reader.deadline = time.monotonic() - 1
        with pytest.raises(TimeoutError):
            reader.read(4)
        assert ours.gettimeout() == 5.0
        assert ours.recv(1) == b"/"


def test_a_kept_connection_answers_again_within_its_time(brief):
    with socket.create_connection(brief.server_address, timeout=20) as connection:
        for _ in range(3):
            connection.sendall(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
            reply = b""
            while not reply.endswith(b"AAAAA"):
                reply += connection.recv(65536)
            time.sleep(0.2)
        assert connection.recv(1) == b""


def test_a_client_that_reads_nothing_is_closed(brief, site):
    (site / "large.bin").write_bytes(bytes(64_000_000))
    with socket.create_connection(brief.server_address, timeout=20) as connection:
        connection.sendall(b"GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        deadline = time.monotonic() + 20
        while serving_threads() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert serving_threads() == 0


def test_many_idle_connections_take_few_threads_and_keep_nobody_waiting(site, monkeypatch):
    monkeypatch.setattr(SiteServer, "max_connections", 4)
    # Longer than a client here waits, so it is room made by the idle ones that lets requests through.
    monkeypatch.setattr(SiteServer, "patience", 600.0)
    with served(site) as running, contextlib.ExitStack() as stack:
        before = serving_threads()
        for _ in range(60):
            stack.enter_context(socket.create_connection(running.server_address, timeout=20))
        assert all(ask(running).endswith(b"AAAAA") for _ in range(5))
        assert serving_threads() - before <= 4


def test_clients_that_hang_up_leave_no_trace(brief):
    for data in (b"", b"GET /a", b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        with socket.create_connection(brief.server_address, timeout=20) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            connection.sendall(data)
    with urllib.request.urlopen(f"{brief.url}a.txt", timeout=20) as reply:
        assert reply.read() == b"AAAAA"


def serving_threads():
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())
