"""JSON from outside: sizes, nesting and duplicate names are checked before anything is made of it."""

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


def parse(text: str | bytes, kind: type[PlaygroundError], where: str, *, most_bytes: int, what: str = "it") -> Any:
    """What a JSON text stands for.

    Args:
        text: the text, or its bytes (UTF-8, or UTF-16 or UTF-32 as JSON has them).
        kind: the error to raise.
        where: the file.
        most_bytes: its size at most.
        what: what messages call it.

    Raises:
        PlaygroundError: of ``kind``: it is larger, would take more memory than it may, is nested too deep, names a
            field twice, or is not JSON.
    """
    if len(text) > most_bytes:
        raise kind(f"{what} has {len(text)} bytes, and at most {most_bytes} are read", where=where)
    with typed(kind, f"{what} is not valid JSON", where=where):
        decoded = text if isinstance(text, str) else text.decode(json.detect_encoding(text))
        if (items := sum(map(decoded.count, ",:[{"))) * _ITEM_BYTES > memory_for(len(text)):
            raise kind(f"{what} has {items} fields and values, which is too many", where=where)
        if not _is_shallow(decoded.encode("utf-8", "surrogatepass")):
            raise kind(f"{what} is not valid JSON, or is nested more than {MOST_JSON_DEPTH} deep", where=where)
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
    """Makes an object of its pairs, and refuses a name that stands twice."""

    def __init__(self, kind: type[PlaygroundError], where: str) -> None:
        self._kind, self._where = kind, where

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            raise self._kind(f"the name {twice[:80]!r} stands twice in an object", where=self._where)
        return found
