"""A first-fit allocator over a memory that grows: bookkeeping only, it never touches the bytes."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable


class Heap:
    """Hands out aligned runs of addresses from ``start`` on.

    Args:
        start: the first address it may use.
        end: the first address it may not use yet.
        alignment: every address and length is a multiple of it.
        grow: called with the new end that is needed; returns the end there is then. May raise.
    """

    def __init__(self, start: int, end: int, alignment: int, grow: Callable[[int], int]) -> None:
        """Take charge of ``start`` to ``end``."""
        self._alignment, self._grow = alignment, grow
        start = self._rounded(start)
        self._free = [(start, end - start)]
        self._end = end
        self._used: dict[int, int] = {}

    def _rounded(self, n: int) -> int:
        return -(-n // self._alignment) * self._alignment

    @property
    def used(self) -> int:
        """Bytes handed out and not given back."""
        return sum(self._used.values())

    @property
    def end(self) -> int:
        """The first address that has never been handed out or grown to."""
        return self._end

    def allocate(self, nbytes: int) -> int:
        """The address of at least ``nbytes`` bytes."""
        size = self._rounded(max(nbytes, 1))
        place = self._find(size)
        if place is None:
            start, length = self._free[-1] if self._free and sum(self._free[-1]) == self._end else (self._end, 0)
            new_end = self._grow(start + size)
            if length:
                self._free.pop()
            self._free.append((start, new_end - start))
            self._end = new_end
            place = len(self._free) - 1
        start, length = self._free.pop(place)
        if length > size:
            self._free.insert(place, (start + size, length - size))
        self._used[start] = size
        return start

    def _find(self, size: int) -> int | None:
        return next((i for i, (_, length) in enumerate(self._free) if length >= size), None)

    def free(self, address: int) -> None:
        """Take back what ``allocate`` gave; neighbouring free runs become one."""
        insort(self._free, (address, self._used.pop(address)))
        merged: list[tuple[int, int]] = []
        for start, length in self._free:
            if merged and sum(merged[-1]) == start:
                merged[-1] = (merged[-1][0], merged[-1][1] + length)
            else:
                merged.append((start, length))
        self._free = merged
