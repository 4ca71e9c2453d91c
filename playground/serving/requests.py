"""Which requests are answered: those that a browser sends to this machine by one of its own names."""

from __future__ import annotations

import re
from email.message import Message
from http import HTTPStatus
from urllib.parse import unquote_to_bytes, urlsplit

OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""Under other names a page of somebody else's could read what is served (DNS rebinding)."""

MAX_HEADER_CHARACTERS = 32_768

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:(?P<port>[0-9]{0,5}))?", re.IGNORECASE | re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RefusedError(Exception):
    """Why a request gets no file.

    Attributes:
        status: what is answered.
    """

    def __init__(self, status: HTTPStatus, why: str) -> None:
        """Say why."""
        super().__init__(why)
        self.status = status


def checked_target(target: str, headers: Message) -> str:
    """The path and query that a request asks for.

    Args:
        target: as the request line has it: a path, or a whole address (RFC 9112, 3.2).
        headers: the request's.

    Raises:
        RefusedError: the request is malformed, or meant for another host.
    """
    if sum(len(name) + len(value) for name, value in headers.items()) > MAX_HEADER_CHARACTERS:
        raise RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too long.")
    _check_body(headers)
    hosts = headers.get_all("Host", [])
    if len(hosts) != 1:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "A request needs one Host header.")
    _check_host(hosts[0])
    if target.lower().startswith("http://"):
        target = _path_of(target)
    if not target.startswith("/"):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The address is not a path.")
    try:
        path = unquote_to_bytes(re.split(r"[?#]", target, maxsplit=1)[0]).decode()
    except UnicodeDecodeError:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The path is not UTF-8.") from None
    if _CONTROL.search(path):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The path has control characters in it.")
    return target


def _check_body(headers: Message) -> None:
    """What reads files sends nothing; a body would be taken for the next request."""
    length = headers.get("Content-Length", "0").strip()
    if "Transfer-Encoding" in headers or length.strip("0"):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The request has a body.")


def _check_host(host: str) -> None:
    found = _HOST.fullmatch(host.strip())
    if found is None or int(found["port"] or 0) > 65535:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The host is not a name with a port.")
    if found["name"].lower() not in OWN_NAMES:
        raise RefusedError(HTTPStatus.MISDIRECTED_REQUEST, f"This server answers to {' and '.join(OWN_NAMES)} only.")


def _path_of(address: str) -> str:
    """The path and query of a whole address, whose host is checked too."""
    try:
        parts = urlsplit(address)
    except ValueError:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The address is malformed.") from None
    _check_host(parts.netloc)
    return f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}"
