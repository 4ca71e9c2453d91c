"""Writes flatbuffers from plain data, well formed or not: what readers are tested with, without any schema."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTHS = {"b": 1, "B": 1, "?": 1, "H": 2, "i": 4, "I": 4, "f": 4, "q": 8, "Q": 8}


@dataclass(frozen=True)
class Number:
    """A number in a table, by its code of :mod:`struct`."""

    code: str
    value: Any


@dataclass(frozen=True)
class Numbers:
    """A vector of numbers; ``claimed``: how many it says it has."""

    code: str
    values: Sequence[Any] | bytes
    claimed: int | None = None


Table = Mapping[int, Any]
"""Slot -> Number, Numbers, text, table, or list of tables. A table that occurs twice is written once."""


class Writer:
    """The file so far."""

    def __init__(self) -> None:
        """Leave room for the offset of the root and the identifier."""
        self.data = bytearray(8)
        self._shared: dict[int, int] = {}

    def _align(self, size: int, offset: int = 0) -> None:
        while (len(self.data) + offset) % size:
            self.data.append(0)

    def write(self, value: Any) -> int:
        """Append something that an offset leads to, and say where it is."""
        if isinstance(value, dict):
            if id(value) not in self._shared:
                self._shared[id(value)] = self._table(value)
            return self._shared[id(value)]
        self._align(16, 4)
        at = len(self.data)
        if isinstance(value, str):
            held = value.encode()
            self.data += struct.pack("<I", len(held)) + held + b"\0"
        elif isinstance(value, Numbers):
            self._numbers(value)
        else:
            self._tables(value)
        return at

    def _numbers(self, vector: Numbers) -> None:
        count = len(vector.values) if vector.claimed is None else vector.claimed
        self.data += struct.pack("<I", count % 2**32)
        is_raw = isinstance(vector.values, bytes)
        self.data += vector.values if is_raw else struct.pack(f"<{len(vector.values)}{vector.code}", *vector.values)

    def _tables(self, tables: Sequence[Table]) -> None:
        self.data += struct.pack("<I", len(tables))
        places = [len(self.data) + 4 * index for index in range(len(tables))]
        self.data += bytes(4 * len(tables))
        for place, table in zip(places, tables, strict=True):
            self._lead(place, table)

    def _table(self, fields: Table) -> int:
        slots, offsets, at = max(fields, default=-1) + 1, {}, 4
        for slot, held in sorted(fields.items()):
            width = WIDTHS[held.code] if isinstance(held, Number) else 4
            at += -at % width
            offsets[slot] = at
            at += width
        self._align(2)
        vtable = len(self.data)
        self.data += struct.pack(f"<{2 + slots}H", 4 + 2 * slots, at, *(offsets.get(slot, 0) for slot in range(slots)))
        self._align(8)
        start = len(self.data)
        self.data += struct.pack("<i", start - vtable) + bytes(at - 4)
        for slot, held in fields.items():
            place = start + offsets[slot]
            if isinstance(held, Number):
                struct.pack_into("<" + held.code, self.data, place, held.value)
            else:
                self._lead(place, held)
        return start

    def _lead(self, place: int, held: Any) -> None:
        """Write an offset. Offsets lead forward: a shared table that lies before is written again."""
        if isinstance(held, dict) and self._shared.get(id(held), place) < place:
            del self._shared[id(held)]
        struct.pack_into("<I", self.data, place, self.write(held) - place)


def flatbuffer(root: Table, identifier: bytes = b"TFL3") -> bytes:
    """A whole file."""
    writer = Writer()
    start = writer.write(root)
    struct.pack_into("<I", writer.data, 0, start)
    writer.data[4:8] = identifier
    return bytes(writer.data)
