"""Codebooks: a table says which number each code stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.number_formats._format import Codes, NumberFormat, Reals
from playground.number_formats._lookup import Lookup, between, count_below
from playground.rounding import Rounding


@dataclass(frozen=True, kw_only=True)
class CodebookFormat(NumberFormat):
    """A table of numbers by code.

    Attributes:
        values: the number of each code; a number may have several codes.
        boundaries: between neighbours in ascending order: a number above the boundary gets the upper one. Empty: the
            midpoints, formed in float32 as bitsandbytes forms them.
        fit: for a table that is made for the data: ascending numbers, as many as there are codes, from finite float32
            values and None; ``values`` then is what stands in for it where there are no data. None: the table is fixed.
        lookup_steps: how many steps a tool's table of codes has, under a convention that looks codes up; 0 if none has.
        radix: 2, or the number of codes if they are stored as digits: as many as fit into a byte.
    """

    family: str = field(init=False, default="codebook")
    values: tuple[float, ...]
    boundaries: tuple[float, ...] = ()
    fit: Callable[[Reals, int], Reals] | None = None
    lookup_steps: int = 0
    radix: int = 2

    @property
    def is_fitted(self) -> bool:
        """Whether its numbers are made for the data, and kept with them."""
        return self.fit is not None

    @property
    def qmin(self) -> int:
        """0: codes are places in the table."""
        return 0

    @property
    def qmax(self) -> int:
        """The last place in the table."""
        return len(self.values) - 1

    @cached_property
    def table(self) -> Reals:
        """``values`` as float32."""
        return np.array(self.values, np.float32)

    def decode(self, codes: Codes) -> Reals:
        """The numbers in the table: float32 of the codes' shape."""
        return self.table.take(codes)

    def encode(
        self,
        values: Reals,
        rounding: Rounding,
        *,
        saturate: bool = True,
        random: np.random.Generator | None = None,
    ) -> Codes:
        """As :meth:`NumberFormat.encode`: to one of the neighbours in the table. Ties go down with ``half_even``."""
        lookup = self.lookup(rounding)
        if lookup is not None:
            return lookup.codes(values)
        numbers, order = self._ascending
        places = nearest(values, numbers, self._limits(rounding), rounding, random)
        return places if order is None else order.take(places)

    def lookup(self, rounding: Rounding, saturate: bool = True) -> Lookup | None:
        """As :meth:`NumberFormat.lookup`, for codebooks of up to 256 numbers."""
        if rounding.random or self.qmax > 255:
            return None
        return between(self._limits(rounding), self._ascending[1])

    def _limits(self, rounding: Rounding) -> Reals:
        middle = np.array(self.boundaries, np.float32) if self.boundaries else None
        return boundaries_for(self._ascending[0], rounding.id, middle)

    @cached_property
    def _ascending(self) -> tuple[Reals, Codes | None]:
        """The numbers in ascending order, and their codes if those are others than 0, 1, 2 ..."""
        order = np.argsort(self.table, kind="stable").astype(np.uint8 if self.qmax < 256 else np.uint16)
        return self.table[order], None if (np.diff(order) == 1).all() else order

    def with_boundaries(self, boundaries: str) -> CodebookFormat:
        """The same numbers, parted by ``"distance"``, or as a tool's lookup table has it; else as they are."""
        ascending = tuple(self._ascending[0].tolist())
        if boundaries == "distance":
            return replace(self, boundaries=by_distance(ascending))
        if boundaries == "lookup" and self.lookup_steps:
            return replace(self, boundaries=by_lookup(ascending, self.lookup_steps))
        return self

    @cached_property
    def _digits(self) -> int:
        """How many codes are stored in a byte, where they are digits."""
        return next(n for n in range(8, 0, -1) if self.radix**n <= 256)

    def packed_nbytes(self, count: int) -> int:
        """Bytes that ``count`` packed codes take: whole bytes, the last one padded."""
        return super().packed_nbytes(count) if self.radix == 2 else -(-count // self._digits)

    def pack(self, codes: NDArray[Any]) -> NDArray[np.uint8]:
        """As :meth:`NumberFormat.pack`; digits of a byte are summed up, the first one counting 1."""
        packed = super().pack(codes)
        if self.radix == 2:
            return packed
        digits = np.zeros((self.packed_nbytes(codes.size), self._digits), np.uint8)
        digits.reshape(-1)[: codes.size] = codes.reshape(-1)
        return (digits @ (self.radix ** np.arange(self._digits)).astype(np.uint8)).astype(np.uint8)

    def unpack(self, packed: NDArray[np.uint8], count: int) -> Codes:
        """The inverse of :meth:`pack`."""
        if self.radix == 2 or packed.size != self.packed_nbytes(count):
            return super().unpack(packed, count)
        weights = (self.radix ** np.arange(self._digits)).astype(np.uint8)
        return (packed.reshape(-1, 1) // weights % np.uint8(self.radix)).reshape(-1)[:count]


def nearest(
    values: Reals, table: Reals, limits: Reals, rounding: Rounding, random: np.random.Generator | None = None
) -> Codes:
    """Places in an ascending table: as many boundaries as lie below a number. uint8, or uint16 for a large table."""
    if rounding.random:
        return _at_random(values, table, random)
    return between(limits).codes(values) if limits.size < 256 else count_below(values, limits)


def _at_random(values: Reals, table: Reals, random: np.random.Generator | None) -> Codes:
    """One of the two neighbours, the nearer one more often, so that the mean is right."""
    generator = random or np.random.default_rng(0)
    below = np.clip(np.searchsorted(table, values, side="right") - 1, 0, table.size - 2)
    gaps = table[below + 1] - table[below]
    share = (values - table[below]) / np.where(gaps > 0, gaps, 1)
    up = generator.random(values.shape, np.float32) < share
    return (below + up).astype(np.uint8 if table.size <= 256 else np.uint16)


@lru_cache(maxsize=64)
def by_distance(table: tuple[float, ...]) -> tuple[float, ...]:
    """Boundaries where ``|upper - x| < |x - lower|`` begins to hold, both differences rounded to float32.

    That is at the midpoint again, except that a number on a midpoint that had to be rounded has a nearer neighbour.
    """
    values = np.array(table, np.float32)
    lower, upper = values[:-1], values[1:]
    half = (lower + upper) / np.float32(2)
    goes_up = (upper - half) < (half - lower)
    parts = np.where(goes_up, np.nextafter(half, np.float32(-np.inf)), half)
    return tuple(parts.tolist())


@lru_cache(maxsize=64)
def by_lookup(table: tuple[float, ...], count: int) -> tuple[float, ...]:
    """Boundaries where codes of a table of -1 .. 1 are looked up by the number rounded to ``count`` steps.

    That is what the CPU library of bitsandbytes does; near zero, where its map is finer than the steps, some codes are
    never given. Found by bisection, all boundaries at once.
    """
    values, half, last = np.array(table, np.float32), np.float32(0.5), np.float32(count - 1)
    stepped = np.float32(-1) + np.arange(count, dtype=np.float32) * np.float32(2) / last
    codes = np.searchsorted((values[:-1] + values[1:]) * half, stepped)
    last_steps = np.searchsorted(codes, np.arange(1, values.size)) - 1  # of those whose code is still smaller
    below, above = np.full(last_steps.size, -2, np.float32), np.full(last_steps.size, 2, np.float32)
    for _ in range(64):  # until they are neighbours
        middle = (below + above) * half
        steps = np.floor((middle + np.float32(1)) * half * last + half)
        below, above = np.where(steps <= last_steps, middle, below), np.where(steps <= last_steps, above, middle)
    return tuple(below.tolist())


def boundaries_for(table: Reals, rounding: str, middle: Reals | None = None) -> Reals:
    """Where the codes of an ascending table part, for a rounding: a number above the boundary gets the upper one.

    Args:
        table: float32, ascending.
        rounding: a rounding's id.
        middle: the boundaries for rounding to the nearest, if they are not the midpoints.
    """
    key = None if middle is None else tuple(middle.tolist())
    return _boundaries(tuple(table.tolist()), rounding, key)


@lru_cache(maxsize=256)
def _boundaries(table: tuple[float, ...], rounding: str, middle: tuple[float, ...] | None) -> Reals:
    values = np.array(table, np.float32)
    lower, upper = values[:-1], values[1:]
    half = (lower + upper) / np.float32(2) if middle is None else np.array(middle, np.float32)
    with_upper = np.nextafter(half, np.float32(-np.inf))  # what lies on the boundary itself goes up
    reach_upper = np.nextafter(upper, np.float32(-np.inf))  # only what has got to the upper number
    by_rounding = {
        "half_up": with_upper,
        "half_away": np.where(half > 0, with_upper, half),
        "floor": reach_upper,
        "ceil": lower,
        "toward_zero": np.where(upper <= 0, lower, reach_upper),
    }
    return by_rounding.get(rounding, half)
