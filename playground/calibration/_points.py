"""A stream of values in bounded memory: points and how much each of them weighs, the same for any split into batches.

Few values are kept as they are. Of more, each float32 falls into the bin that its sign, exponent and leading mantissa
bits name, so that bins never move or merge, whatever comes first; a bin remembers how many values it holds and the sum
of the bits it does not name. Both are integers: no order of addition changes them, and the mean of a bin is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32

Float64 = NDArray[np.float64]

KEPT = 4096
"""Values of one scale that are kept as they are; when there are more, all of them go into bins."""

_CHUNK = 1 << 20
"""Values that are counted at once."""

_SLAB = 1 << 20
"""Points that are handed out at once."""

_CACHED = 1 << 15
"""Values that are counted at once where there is a table."""

_TABLE_HOLDS = 1 << 22
"""Values after which the table is emptied: less than 2 ** 23, so that no word of it overflows."""

_MANTISSA = 23


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """What some scales have seen; a row a scale, ascending.

    Attributes:
        values: float64 (scales, points); rows that have fewer points repeat their largest.
        weights: float64, how many values each point stands for; 0 where it only fills up.
        lo: float64 (scales, 1), the smallest value.
        hi: float64 (scales, 1), the largest value.
    """

    values: Float64
    weights: Float64
    lo: Float64
    hi: Float64

    def mean(self, of: Float64) -> Float64:
        """The mean, over all values, of something that is known at each point: (scales, 1)."""
        total: Float64 = (of * self.weights).sum(axis=1, keepdims=True)
        mean: Float64 = total / self.weights.sum(axis=1, keepdims=True)
        return mean


class Sample:
    """Collects the values of some scales.

    It takes at most 16 kB a scale while each has few values (and 4 MB besides), afterwards 24 bytes for each bin that
    holds something: for normally distributed values, half a megabyte a scale.
    """

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._count = 0
        self._waiting: list[Float32] = []
        self._bins: _Bins | None = None
        self._lo: Any = np.inf
        self._hi: Any = -np.inf

    def add(self, rows: Float32) -> None:
        """Take more values: finite, a row a scale; NaN fills up rows of scales that have fewer."""
        self._lo = np.minimum(self._lo, np.fmin.reduce(rows, axis=1, keepdims=True))
        self._hi = np.maximum(self._hi, np.fmax.reduce(rows, axis=1, keepdims=True))
        self._count += rows.shape[1]
        if rows.size < _CHUNK or self._count <= KEPT:
            self._waiting.append(rows.copy())  # the caller may use its memory again
            if self._count <= KEPT or sum(some.size for some in self._waiting) < _CHUNK:
                return
            rows = rows[:, :0]
        self._put_into_bins()
        self._counted().add(rows)

    def points(self) -> Iterator[Points]:
        """All that was seen, some scales at a time, in order."""
        lo, hi = (np.asarray(bound, np.float64) for bound in (self._lo, self._hi))
        if self._count > KEPT:
            self._put_into_bins()
            rows = self._counted().rows()
        else:
            rows = _kept_rows(np.concatenate(self._waiting, axis=1))
        start = 0
        for values, weights in rows:
            stop = start + len(values)
            yield Points(values, weights, lo[start:stop], hi[start:stop])
            start = stop

    def _put_into_bins(self) -> None:
        for some in self._waiting:
            self._counted().add(some)
        self._waiting = []

    def _counted(self) -> _Bins:
        if self._bins is None:
            self._bins = _Bins(len(self._lo))
        return self._bins


def _kept_rows(kept: Float32) -> Iterator[tuple[Float64, Float64]]:
    step = max(1, _SLAB // kept.shape[1])
    for start in range(0, len(kept), step):
        values = np.sort(kept[start : start + step], axis=1).astype(np.float64)  # NaN comes last
        empty = np.isnan(values)
        largest = np.fmax.reduce(values, axis=1, keepdims=True)
        yield np.where(empty, largest, values), (~empty).astype(np.float64)


class _Bins:
    """Occupied bins of all scales: ``scale << 32 | bin``, ascending, with counts and sums of the bits below."""

    def __init__(self, scales: int) -> None:
        self._scales = scales
        # Where many scales share the memory, bins are wider: 1024, 256 or 64 of them between 1 and 2.
        self._dropped = _MANTISSA - (10 if scales <= 64 else 8 if scales <= 1024 else 6)
        self._table: NDArray[np.int64] | None = None
        self._in_table = 0
        self._keys: NDArray[np.int64] = np.zeros(0, np.int64)
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._below: NDArray[np.int64] = np.zeros(0, np.int64)

    def add(self, rows: Float32) -> None:
        if len(rows) == 1:
            self._add_one(rows[0])
            return
        step = max(1, _CHUNK // len(rows))
        for start in range(0, rows.shape[1], step):
            self._merge(*self._of_many(np.ascontiguousarray(rows[:, start : start + step])))

    def rows(self) -> Iterator[tuple[Float64, Float64]]:
        self._flush()
        bits = (self._keys & 0xFFFFFFFF) << self._dropped
        lowest = bits.astype(np.uint32).view(np.float32).astype(np.float64)
        step = np.spacing(np.abs(lowest).astype(np.float32)).astype(np.float64)  # between neighbours in this bin
        values = lowest + np.copysign(self._below / self._counts * step, lowest) + 0.0  # no negative zero
        at = np.searchsorted(self._keys, np.arange(self._scales + 1, dtype=np.int64) << 32)
        start = 0
        while start < self._scales:
            stop = start + 1
            while stop < self._scales and (stop + 1 - start) * np.diff(at[start : stop + 2]).max() <= _SLAB:
                stop += 1
            yield _padded(values, self._counts, at[start : stop + 1])
            start = stop

    def _add_one(self, x: Float32) -> None:
        """All bins of the one scale lie in a table; a word of it is ``count << 40 | sum of the bits below``."""
        if self._table is None:
            self._table = np.zeros(1 << (32 - self._dropped), np.int64)
        for start in range(0, x.size, _CACHED):
            bits = x[start : start + _CACHED].view(np.uint32)
            below = (bits & np.uint32((1 << self._dropped) - 1)).astype(np.int64)
            np.add.at(self._table, (bits >> self._dropped).astype(np.intp), below + (1 << 40))
            self._in_table += bits.size
            if self._in_table >= _TABLE_HOLDS:
                self._flush()

    def _flush(self) -> None:
        if self._table is not None and self._in_table:
            occupied = np.flatnonzero(self._table)
            words = self._table[occupied]
            self._merge(occupied.astype(np.int64), words >> 40, words & ((1 << 40) - 1))
            self._table[occupied] = 0
            self._in_table = 0

    def _of_many(self, rows: Float32) -> tuple[NDArray[np.int64], ...]:
        scale = np.arange(len(rows), dtype=np.int64)[:, None] << 32
        values = (rows.view(np.uint32) + scale)[~np.isnan(rows)]
        values.sort()
        names = (values & 0xFFFFFFFF) >> self._dropped | values >> 32 << 32
        first = np.flatnonzero(np.diff(names, prepend=-1))
        counts = np.diff(first, append=names.size)
        return names[first], counts, np.add.reduceat(values & ((1 << self._dropped) - 1), first)

    def _merge(self, keys: NDArray[np.int64], counts: NDArray[np.int64], below: NDArray[np.int64]) -> None:
        if self._keys.size:
            keys = np.concatenate((self._keys, keys))
            order = np.argsort(keys, kind="stable")  # two ascending runs: merged in one pass
            keys = keys[order]
            first = np.flatnonzero(np.diff(keys, prepend=-1))
            counts = np.add.reduceat(np.concatenate((self._counts, counts))[order], first)
            below = np.add.reduceat(np.concatenate((self._below, below))[order], first)
            keys = keys[first]
        self._keys, self._counts, self._below = keys, counts, below


def _padded(values: Float64, counts: NDArray[np.int64], at: NDArray[np.intp]) -> tuple[Float64, Float64]:
    """Rows ``at[i] .. at[i + 1]`` as two matrices, each row ascending; what is missing has no weight."""
    widest = int(np.diff(at).max())
    points, weights = np.empty((2, at.size - 1, widest))
    for row in range(at.size - 1):
        part = slice(at[row], at[row + 1])
        order = np.argsort(values[part], kind="stable")
        points[row, : order.size], weights[row, : order.size] = values[part][order], counts[part][order]
        points[row, order.size :], weights[row, order.size :] = values[part].max(), 0
    return points, weights
