"""JSON from files, links and messages: size, nesting and duplicate names are checked before it is parsed."""

from __future__ import annotations

import json
import re
from typing import Any

from playground.errors import PlaygroundError, typed
from playground.limits import MOST_JSON_DEPTH, memory_for

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A text and its quotes. It matches an unclosed one too: else each quote in it would be tried, up to the end."""

_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


_ITEM_BYTES = 160
"""Memory that a comma, colon or opening bracket stands for: an object of one field has three and takes 400 bytes."""


def parse(
    text: str | bytes, kind: type[PlaygroundError], where: str, *, most_bytes: int, what: str = "the text"
) -> Any:
    """Parse a JSON text.

    Args:
        text: the text, or its bytes (UTF-8, or UTF-16 or UTF-32 as JSON has them).
        kind: the error to raise.
        where: the file.
        most_bytes: its size at most.
        what: the name of the text in error messages.

    Raises:
        PlaygroundError: of ``kind``: the text is larger than allowed, would take too much memory, is nested too
            deep, names a field twice, or is not JSON.
    """
    if len(text) > most_bytes:
        raise kind(f"{what} has {len(text)} bytes", where=where, hint=f"Use at most {most_bytes}")
    with typed(kind, f"{what} is not valid JSON", where=where, hint="Correct the text"):
        decoded = text if isinstance(text, str) else text.decode(json.detect_encoding(text))
        if (items := sum(map(decoded.count, ",:[{"))) * _ITEM_BYTES > memory_for(len(text)):
            raise kind(f"{what} has too many fields and values: {items}", where=where, hint="Use a smaller text")
        if not _is_shallow(decoded.encode("utf-8", "surrogatepass")):
            raise kind(
                f"{what} is not valid JSON, or is nested too deep",
                where=where,
                hint=f"Close every bracket, and nest at most {MOST_JSON_DEPTH} levels",
            )
        return json.loads(decoded, object_pairs_hook=_Unique(kind, where), parse_constant=_refuse_constant)


def _is_shallow(text: bytes) -> bool:
    """Whether brackets outside of texts match and are nested at most ``MOST_JSON_DEPTH`` deep; time is linear."""
    brackets = _STRING.sub(b"", text).translate(None, _NO_BRACKETS)
    for _ in range(MOST_JSON_DEPTH):
        if not brackets:
            return True
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


class _Unique:
    """Make an object of its pairs; a name that occurs twice is an error."""

    def __init__(self, kind: type[PlaygroundError], where: str) -> None:
        self._kind, self._where = kind, where

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            raise self._kind(
                f"an object has the name {twice[:80]!r} twice", where=self._where, hint="Remove one of them"
            )
        return found
