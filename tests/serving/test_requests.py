"""Requests that no page of the site sends."""

import pytest

from playground.serving.requests import MAX_HEADER_CHARACTERS
from tests.serving.conftest import SECRET, ask, send, status


@pytest.mark.parametrize("name", ["localhost", "LocalHost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("port", ["", ":{}", ":9000", ":"])
def test_this_machines_own_names_are_answered_with_any_port(server, name, port):
    reply = ask(server, host=name + port.format(server.server_address[1]))
    assert (status(reply), reply[-5:]) == (200, b"AAAAA")


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "evil.example:8000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost.",
            "0.0.0.0",  # noqa: S104 - a header; nothing is bound to it
        ),
        *("[::]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "127.0.0.2", "192.168.0.1:80", "[fe80::1]"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
def test_other_names_are_misdirected(server, host, method):
    reply = ask(server, host=host, method=method)
    assert status(reply) == 421
    assert SECRET not in reply
    assert b"AAAAA" not in reply


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost:99999",
        "localhost:http",
        "localhost:80:80",
        "user@localhost",
        "localhost/",
        "::1",
        "[::1",
        "a b",
        "loc\xe4l",
    ],
)
def test_malformed_hosts_are_bad_requests(server, host):
    assert status(ask(server, host=host)) == 400


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_a_request_needs_exactly_one_host(server, version):
    assert status(ask(server, host=None, version=version)) == 400
    assert status(ask(server, "/a.txt", "Host: evil.example", version=version)) == 400


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("http://localhost/a.txt", 200),
        ("HTTP://127.0.0.1:1234/a.txt?x=http://evil.example/", 200),
        ("http://localhost", 200),
        ("http://evil.example/a.txt", 421),
        ("http://localhost@evil.example/a.txt", 400),
        ("http://[::1/a.txt", 400),
        ("https://localhost/a.txt", 400),
        ("ftp://localhost/a.txt", 400),
        ("file:///etc/passwd", 400),
        ("a.txt", 400),
        ("*", 400),
        ("localhost:80", 400),
        ("/a.txt#part", 200),
    ],
)
def test_whole_addresses_are_checked_as_hosts_are(server, target, expected):
    assert status(ask(server, target)) == expected


def test_a_foreign_host_is_refused_though_the_address_is_ours(server):
    assert status(ask(server, "http://localhost/a.txt", host="evil.example")) == 421


@pytest.mark.parametrize(
    "target",
    [
        "/%00",
        "/a.txt%00",
        "/a.txt%00.html",
        "/%0d%0aX:%20y",
        "/%1b[2J",
        "/%7f",
        "/%ff",
        "/%c0%ae%c0%ae/",
        "/%ed%a0%80",
        "/a\x01",
    ],
)
def test_control_characters_and_broken_utf_8_are_bad_requests(server, target):
    reply = ask(server, target)
    assert status(reply) == 400
    assert b"\r\nX: y" not in reply


@pytest.mark.parametrize(
    "target",
    [
        *(
            "/..%2fsecret.txt",
            "/%2e%2e/secret.txt",
            "/../secret.txt",
            "/inner/..%2f..%2fsecret.txt",
            "/..%5csecret.txt",
        ),
        *(
            "//secret.txt",
            "/inner/../../secret.txt",
            "/....//secret.txt",
            "/%252e%252e/secret.txt",
            "/a.txt/",
            "/a.txt/x",
        ),
        *("/" + "x" * 300, "/" + "y/" * 3000, "/a.txt%2f..%2f..%2fsecret.txt", "/index.html/none"),
    ],
)
def test_nothing_leads_out_of_the_site(server, target):
    reply = ask(server, target)
    assert status(reply) == 404
    assert SECRET not in reply


def test_a_folder_without_a_slash_is_redirected_within_the_site(server):
    reply = ask(server, "//inner")
    assert status(reply) == 301
    assert b"Location: /inner/\r\n" in reply


def test_names_with_escapes_are_found(server):
    assert ask(server, "/with%20space.txt").endswith(b"space")
    assert ask(server, "/inner/").endswith(b"inner")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET /a.txt\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET /a.txt HTTP/1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /a.txt HTTP/x.y\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /a.txt HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
        (b"GET /a b c HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"FROB /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
        (b"\xff\xfe\r\n\r\n", 400),
        (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * (MAX_HEADER_CHARACTERS - 8) + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
    ],
)
def test_what_cannot_be_read_gets_one_clean_answer(server, data, expected):
    reply = send(server, data)
    assert status(reply) == expected
    assert reply.count(b"HTTP/1.") == 1
    assert b"Traceback" not in reply


@pytest.mark.parametrize(
    "header", ["Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: -1", "Content-Length: x"]
)
def test_a_body_is_not_taken_for_the_next_request(server, header):
    request = (
        f"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\nGET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    reply = send(server, request.encode())
    assert status(reply) == 400
    assert reply.count(b"HTTP/1.") == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH"])
def test_methods_that_change_something_are_not_known(server, method):
    assert status(ask(server, method=method)) == 501


def test_head_has_headers_and_no_body(server):
    reply = ask(server, method="HEAD")
    assert status(reply) == 200
    assert b"Content-Length: 5\r\n" in reply
    assert reply.endswith(b"\r\n\r\n")
    assert ask(server, "/gone", method="HEAD").endswith(b"\r\n\r\n")


def test_a_refusal_repeats_nothing_as_markup(server):
    reply = ask(server, "/<script>alert(1)</script>")
    assert status(reply) == 404
    assert b"<script>" not in reply
    reply = send(server, b"<script>alert(1)</script>\r\n\r\n")
    assert b"<script>" not in reply
