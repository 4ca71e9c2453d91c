"""The metadata of .gguf files: keys and values, long lists only looked into."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from playground.errors import DAMAGED, BadFileError, cut
from playground.host.sources import Source
from playground.limits import (
    MOST_JSON_DEPTH,
    MOST_METADATA,
    MOST_METADATA_ITEMS,
    MOST_NAME,
    MOST_PIECE,
    NESTED_LIST_ITEMS,
)

_WINDOW = 1 << 20
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
"""The number of a type -> its form for ``struct``."""

_TEXT, _LIST = 8, 9
_SHOWN = 16
"""Items of a list that are kept."""

_SIZE = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Items:
    """A list in the metadata: how many items it has, and the first ones."""

    count: int
    first: tuple[Any, ...]


class Cursor:
    """Goes through a file from its beginning; reads a megabyte at a time, and nothing of what it steps over."""

    def __init__(self, source: Source) -> None:
        """Stand at the first byte."""
        self.source, self.at = source, 0
        self._window, self._start = b"", 0
        self._items = 0

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes. BadFileError: the file ends before."""
        inside = self.at - self._start
        if not 0 <= inside <= len(self._window) - size:
            if self.at + size > self.source.size:
                raise BadFileError(
                    f"bytes {self.at} to {self.at + size} are missing: the file has {self.source.size}",
                    where=self.source.name,
                    hint="Get the file again: it is truncated or damaged",
                )
            self._start, inside = self.at, 0
            self._window = self.source.read(self.at, min(max(size, _WINDOW), self.source.size - self.at))
        self.at += size
        return self._window[inside : inside + size]

    def number(self, form: str) -> Any:
        """The next number, of a form of ``struct``."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self, most: int) -> str:
        """The next text, of at most ``most`` bytes."""
        size = self.number("<Q")
        if size > most:
            raise BadFileError(
                f"a text at byte {self.at} has {size} bytes", where=self.source.name, hint=f"Use at most {most}"
            )
        return self.take(size).decode("utf-8", "replace")

    def skip(self, size: int) -> None:
        """Step over bytes."""
        self.at += size

    def allow(self, count: int) -> None:
        """Count items of lists that are gone through one by one. BadFileError: there are too many."""
        self._items += count
        if self._items > MOST_METADATA_ITEMS:
            raise BadFileError(
                f"the metadata has lists of {self._items} items",
                where=self.source.name,
                hint=f"Use at most {MOST_METADATA_ITEMS}",
            )

    def skip_texts(self, count: int) -> None:
        """Step over texts."""
        unpack = _SIZE.unpack_from
        while count:
            self.take(8)
            self.at -= 8
            window, at = self._window, self.at - self._start
            last = len(window) - 8
            # a vocabulary has hundred thousands of them
            while count and at <= last:
                at += 8 + unpack(window, at)[0]
                count -= 1
            self.at = self._start + at


@dataclass(frozen=True, slots=True)
class Entry:
    """Where the type and the value of an entry lie in the file."""

    source: Source
    start: int
    end: int

    def read(self) -> bytes:
        """Both, as they are stored."""
        return self.source.read(self.start, self.end - self.start)


def values_of(cursor: Cursor, count: int) -> tuple[dict[str, Any], dict[str, Entry]]:
    """The metadata by key: numbers, truth values, texts, and :class:`Items`; and where each lies.

    Raises:
        BadFileError: there are too many, one is of an unknown type, or a key stands twice.
    """
    if count > MOST_METADATA:
        raise BadFileError(
            f"the metadata has {count} entries", where=cursor.source.name, hint=f"Use at most {MOST_METADATA}"
        )
    values: dict[str, Any] = {}
    entries: dict[str, Entry] = {}
    for _ in range(count):
        key = cursor.text(MOST_NAME)
        if key in values:
            raise BadFileError(f"the metadata has the key {key[:80]!r} twice", where=cursor.source.name, hint=DAMAGED)
        start = cursor.at
        values[key] = _value(cursor, cursor.number("<I"), 0)
        entries[key] = Entry(cursor.source, start, cursor.at)
    return values, entries


def _value(cursor: Cursor, kind: int, depth: int) -> Any:
    if kind == _TEXT:
        return cursor.text(MOST_PIECE)
    if kind == _LIST:
        if depth >= MOST_JSON_DEPTH:
            raise BadFileError("lists in the metadata are nested too deep", where=cursor.source.name, hint=DAMAGED)
        return _items(cursor, cursor.number("<I"), cursor.number("<Q"), depth)
    if kind not in _SCALARS:
        raise BadFileError(
            f"a value of the metadata at byte {cursor.at} has the unknown type {kind}",
            where=cursor.source.name,
            hint=DAMAGED,
        )
    return cursor.number(_SCALARS[kind])


def _items(cursor: Cursor, kind: int, count: int, depth: int) -> Items:
    form = _SCALARS.get(kind)
    least = struct.calcsize(form) if form else 12 if kind == _LIST else 8
    if count * least > cursor.source.size - cursor.at:
        raise BadFileError(
            f"a list of {count} items at byte {cursor.at} does not fit into the file",
            where=cursor.source.name,
            hint=DAMAGED,
        )
    if kind in (_TEXT, _LIST):
        cursor.allow(count * (NESTED_LIST_ITEMS if kind == _LIST else 1))
    first = tuple(_value(cursor, kind, depth + 1) for _ in range(min(count, _SHOWN)))
    rest = count - len(first)
    if kind == _TEXT:
        cursor.skip_texts(rest)
    elif kind == _LIST:
        for _ in range(rest):
            _value(cursor, kind, depth + 1)
    else:
        cursor.skip(rest * least)
    return Items(count, first)


def text_of(value: Any) -> str:
    """A value as people read it."""
    if isinstance(value, Items):
        rest = value.count - len(value.first)
        told = ", ".join(cut(text_of(item), 80) for item in value.first)
        return f"[{told}, and {rest} more]" if rest else f"[{told}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.7g}" if isinstance(value, float) else str(value)
