"""Flatbuffers: tables of optional fields that are found through offsets, each one checked before it is followed.

A vtable says where the fields of a table are; vectors and texts state how long they are. All of it has to be inside the
file. Tables may be shared, so that a small file can describe a large tree: what is read of it is counted.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import DAMAGED, BadFileError
from playground.host.sources import Source
from playground.limits import MOST_FIELDS, MOST_KEPT_BYTES, MOST_PIECE

_PAGE = 2**16
_MOST_PAGES = 256
"""Of a file that is not kept in memory: 16 MB of what was read last."""

_MOST_SLOTS = 64
"""Fields of one table that are looked at; the largest table of TFLite has 14."""

_WIDTHS = {"b": 1, "B": 1, "?": 1, "H": 2, "i": 4, "I": 4, "f": 4, "q": 8, "Q": 8}


class Octets:
    """The bytes of a file, small ones in memory and large ones by pages.

    Attributes:
        source: the file.
        size: its bytes.
    """

    def __init__(self, source: Source) -> None:
        """Read a small file whole."""
        self.source, self.size = source, source.size
        self._whole = source.read(0, source.size) if source.size <= MOST_KEPT_BYTES else b""
        self._pages: dict[int, bytes] = {}
        self._left = MOST_FIELDS

    def spend(self, fields: int) -> None:
        """Count fields that are about to be read.

        Raises:
            BadFileError: they are more than a file may have.
        """
        self._left -= fields
        if self._left < 0:
            raise BadFileError(
                f"the file has more than {MOST_FIELDS} fields outside tensors",
                where=self.source.name,
                hint="Use a smaller model",
            )

    def bad(self, what: str) -> BadFileError:
        """The error for a file that contradicts itself."""
        return BadFileError(what, where=self.source.name, hint=DAMAGED)

    def check(self, at: int, size: int, what: str) -> None:
        """Raise BadFileError if ``size`` bytes from ``at`` are not inside the file."""
        if at < 0 or size < 0 or at + size > self.size:
            raise self.bad(f"{what} at byte {at} does not fit into the {self.size} bytes of the file")

    def piece(self, at: int, size: int) -> bytes:
        """Bytes that :meth:`check` has found inside the file."""
        if self._whole:
            return self._whole[at : at + size]
        if size > _PAGE:
            return self.source.read(at, size)
        first, last = at // _PAGE, (at + max(size, 1) - 1) // _PAGE
        data = b"".join(self._page(page) for page in range(first, last + 1))
        return data[at - first * _PAGE :][:size]

    def _page(self, page: int) -> bytes:
        held = self._pages.get(page)
        if held is None:
            if len(self._pages) >= _MOST_PAGES:
                self._pages.clear()
            start = page * _PAGE
            held = self._pages[page] = self.source.read(start, min(_PAGE, self.size - start))
        return held

    def number(self, at: int, code: str) -> Any:
        """The number at a place, by its code of :mod:`struct`. Raises BadFileError outside the file."""
        width = _WIDTHS[code]
        self.check(at, width, "a number")
        if self._whole:
            return struct.unpack_from("<" + code, self._whole, at)[0]
        return struct.unpack("<" + code, self.piece(at, width))[0]


def root(source: Source) -> Table:
    """The table that a file starts with. Raises BadFileError if there is none."""
    octets = Octets(source)
    return Table(octets, int(octets.number(0, "I")))


class Table:
    """One table, its vtable checked."""

    __slots__ = ("_at", "_offsets", "_size", "octets")

    def __init__(self, octets: Octets, at: int) -> None:
        """Read the vtable of the table at a place of the file.

        Raises:
            BadFileError: it, or the table, is not inside the file.
        """
        octets.spend(1)
        if at % 4:
            raise octets.bad(f"the table at byte {at} is not at a multiple of 4")
        start = at - int(octets.number(at, "i"))
        size, self._size = int(octets.number(start, "H")), int(octets.number(start + 2, "H"))
        if start % 2 or size % 2 or size < 4 or self._size < 4:
            raise octets.bad(f"the table at byte {at} has no valid list of fields")
        octets.check(start, size, "a list of fields")
        octets.check(at, self._size, "a table")
        count = min((size - 4) // 2, _MOST_SLOTS)
        self._offsets = struct.unpack(f"<{count}H", octets.piece(start + 4, 2 * count))
        self._at, self.octets = at, octets

    def _place(self, slot: int, width: int) -> int | None:
        """Where a field is; None if the table does not have it."""
        offset = self._offsets[slot] if slot < len(self._offsets) else 0
        if not offset:
            return None
        if offset < 4 or offset + width > self._size:
            raise self.octets.bad(f"field {slot} of the table at byte {self._at} is outside of it")
        return self._at + int(offset)

    def number(self, slot: int, code: str = "i", default: Any = 0) -> Any:
        """A number, by its code of :mod:`struct`."""
        place = self._place(slot, _WIDTHS[code])
        return default if place is None else self.octets.number(place, code)

    def _target(self, slot: int) -> int | None:
        """Where the offset in a field leads."""
        place = self._place(slot, 4)
        return None if place is None else self._follow(place)

    def _follow(self, place: int) -> int:
        offset = int(self.octets.number(place, "I"))
        if offset == 0 or place + offset + 4 > self.octets.size:
            raise self.octets.bad(f"the offset at byte {place} leads out of the file")
        return place + offset

    def table(self, slot: int) -> Table | None:
        """A table in a field; None if there is none."""
        target = self._target(slot)
        return None if target is None else Table(self.octets, target)

    def vector(self, slot: int, width: int) -> tuple[int, int] | None:
        """Where the elements of a vector start, and how many of ``width`` bytes there are; None if there is none."""
        target = self._target(slot)
        if target is None:
            return None
        if target % 4:
            raise self.octets.bad(f"the vector at byte {target} is not at a multiple of 4")
        count = int(self.octets.number(target, "I"))
        self.octets.check(target + 4, count * width, f"a vector of {count} elements")
        return target + 4, count

    def numbers(self, slot: int, code: str) -> NDArray[Any]:
        """A vector of numbers; empty if there is none."""
        found = self.vector(slot, _WIDTHS[code])
        if found is None:
            return np.zeros(0, np.dtype("<" + code))
        start, count = found
        self.octets.spend(count // 2 + 1)
        return np.frombuffer(self.octets.piece(start, count * _WIDTHS[code]), np.dtype("<" + code))

    def count(self, slot: int) -> int:
        """How many tables a vector of them has."""
        found = self.vector(slot, 4)
        return 0 if found is None else found[1]

    def tables(self, slot: int, most: int, what: str) -> list[Table]:
        """A vector of at most ``most`` tables; empty if there is none."""
        found = self.vector(slot, 4)
        start, count = found or (0, 0)
        if count > most:
            raise BadFileError(
                f"the file has {count} {what}", where=self.octets.source.name, hint=f"Use at most {most}"
            )
        return [Table(self.octets, self._follow(start + 4 * at)) for at in range(count)]

    def text(self, slot: int, most: int = MOST_PIECE) -> str:
        """A text of at most ``most`` bytes; empty if there is none."""
        found = self.vector(slot, 1)
        if found is None:
            return ""
        start, count = found
        if count > most:
            raise BadFileError(f"a text has {count} bytes", where=self.octets.source.name, hint=f"Use at most {most}")
        self.octets.check(start + count, 1, "the end of a text")
        if self.octets.number(start + count, "B"):
            raise self.octets.bad(f"the text at byte {start} has no end")
        self.octets.spend(count // 16 + 1)
        return self.octets.piece(start, count).decode(errors="replace")
