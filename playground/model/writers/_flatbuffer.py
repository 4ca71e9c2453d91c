"""Writes flatbuffers: tables, vectors and texts from plain data, each at a multiple of what its numbers need.

Offsets lead forward: a table comes first, what its fields lead to behind it. Tables with the same fields share a list
of where they are, as flatbuffers' own builders do it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_WIDTHS = {"b": 1, "B": 1, "?": 1, "H": 2, "i": 4, "I": 4, "f": 4, "q": 8, "Q": 8}
_ALIGNMENT = 16
"""Of vectors of bytes: TFLite's kernels read weights where they are in the file."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a table, by its code of :mod:`struct`."""

    code: str
    value: Any


@dataclass(frozen=True, slots=True)
class Numbers:
    """A vector of numbers: as an array of their type, or as bytes."""

    code: str
    values: Any


Table = Mapping[int, "Number | Numbers | str | Mapping[int, Any] | Sequence[Any]"]
"""Slot -> what the field holds; a mapping is a table, a list one of tables."""


def flatbuffer(root: Table, identifier: bytes) -> bytes:
    """A whole file."""
    writer = _Writer()
    writer.data += bytes(4) + identifier
    start = writer.table(root)
    struct.pack_into("<I", writer.data, 0, start)
    return bytes(writer.data)


class _Writer:
    """The file so far."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._lists: dict[bytes, int] = {}

    def _align(self, size: int, behind: int = 0) -> None:
        """Fill up, so that what comes ``behind`` bytes later is at a multiple of ``size``."""
        self.data += bytes(-(len(self.data) + behind) % size)

    def table(self, fields: Table) -> int:
        """Append a table and all that it leads to, and say where it is."""
        offsets, at = dict[int, int](), 4
        for slot, held in sorted(fields.items()):
            width = _WIDTHS[held.code] if isinstance(held, Number) else 4
            at += -at % width
            offsets[slot] = at
            at += width
        slots = max(fields, default=-1) + 1
        places = (offsets.get(slot, 0) for slot in range(slots))
        listed = self._list(struct.pack(f"<{2 + slots}H", 4 + 2 * slots, at, *places))
        self._align(8)
        start = len(self.data)
        self.data += struct.pack("<i", start - listed) + bytes(at - 4)
        for slot, held in sorted(fields.items()):
            if isinstance(held, Number):
                struct.pack_into(f"<{held.code}", self.data, start + offsets[slot], held.value)
            else:
                self._lead(start + offsets[slot], held)
        return start

    def _list(self, fields: bytes) -> int:
        """Where a list of fields is, appended if there is none like it."""
        if fields not in self._lists:
            self._align(2)
            self._lists[fields] = len(self.data)
            self.data += fields
        return self._lists[fields]

    def _lead(self, place: int, held: Any) -> None:
        """Append something, and write the offset that leads to it."""
        if isinstance(held, Mapping):
            target = self.table(held)
        elif isinstance(held, str):
            octets = held.encode()
            target = self._vector(len(octets), octets + b"\0")
        elif isinstance(held, Numbers):
            octets = held.values if isinstance(held.values, bytes) else _octets(held)
            width = _WIDTHS[held.code]
            target = self._vector(len(octets) // width, octets, _ALIGNMENT if width == 1 else width)
        else:
            target = self._vector(len(held), bytes(4 * len(held)))
            for at, entry in enumerate(held):
                self._lead(target + 4 + 4 * at, entry)
        struct.pack_into("<I", self.data, place, target - place)

    def _vector(self, count: int, octets: bytes, alignment: int = 4) -> int:
        self._align(max(4, alignment), 4)
        start = len(self.data)
        self.data += struct.pack("<I", count)
        self.data += octets
        return start


def _octets(vector: Numbers) -> bytes:
    return np.asarray(vector.values, np.dtype(f"<{vector.code}")).tobytes()
