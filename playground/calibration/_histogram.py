"""Histograms that grow with what they see, merged as ``onnxruntime.quantization.calibrate.HistogramCollector`` does.

They exist to give the same ranges as that tool, so its order of operations, its float32 edges and its habits are kept;
each habit that surprises is named where it happens.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32

_MOST_BINS = 1 << 20
"""Bins are added to keep their width; a stream that grows beyond this many is counted again in wider ones."""


class GrowingHistogram(Protocol):
    """Counts of one stream of values, and the range that holds a share of them."""

    def update(self, x: Float32) -> None:
        """Count the finite values of a non-empty one-dimensional array."""
        ...

    def percentile(self, percentile: float) -> tuple[float, float]:
        """Lower and upper bound of the range that keeps ``percentile`` per cent of what was counted."""
        ...


class _Extremes:
    """The smallest and largest value, between which every answer stays.

    ONNX Runtime clips the lower bound at the smallest value and the upper one at the largest only, so that its bounds
    cross when a single bin holds everything.
    """

    def __init__(self) -> None:
        self.lo, self.hi = np.float32(np.inf), np.float32(-np.inf)

    def update(self, x: Float32) -> None:
        self.lo, self.hi = min(self.lo, x.min()), max(self.hi, x.max())

    def clip(self, lo: Any, hi: Any) -> tuple[float, float]:
        return float(np.clip(lo, self.lo, self.hi)), float(np.clip(hi, self.lo, self.hi))


class ValueHistogram:
    """Counts of values over ``-threshold .. threshold``; grows by whole bins on both sides."""

    def __init__(self, bins: int) -> None:
        """Start empty; ``bins`` is the number for the first batch."""
        self._bins = bins
        self._extremes = _Extremes()
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._edges: NDArray[Any] = np.zeros(0, np.float32)
        self._threshold: Any = np.float32(0)

    def update(self, x: Float32) -> None:
        """Count the values of a non-empty array."""
        self._extremes.update(x)
        threshold = np.abs(x).max()
        if self._counts.size == 0:
            self._recount(x, self._bins, threshold)
        elif threshold <= self._threshold:
            self._counts += self._count(x, self._counts.size, self._threshold)[0]
        elif self._threshold == 0:  # only zeros so far: they keep the middle bins that they were counted in
            old = self._counts
            self._recount(x, old.size, threshold)
            self._counts += old
        else:
            self._widen(x, threshold)

    def percentile(self, percentile: float) -> tuple[float, float]:
        """As :class:`GrowingHistogram`: half of what is cut off is cut on each side. Bounds are left edges of bins."""
        cumulative = np.cumsum(self._counts / self._counts.sum())
        cut = (100.0 - percentile) / 200.0
        left, right = np.searchsorted(cumulative, (cut, 1.0 - cut))
        return self._extremes.clip(self._edges[left], self._edges[right])

    def _widen(self, x: Float32, threshold: Any) -> None:
        old, stride = self._counts, 2 * self._threshold / self._counts.size
        added = int((threshold - self._threshold) // stride + 1)
        if old.size + 2 * added > _MOST_BINS:
            centres = (self._edges[:-1] + self._edges[1:]) / 2
            self._recount(x, self._bins, threshold)
            self._counts += np.histogram(centres, self._edges, weights=old)[0].astype(np.int64)
            return
        self._recount(x, old.size + 2 * added, added * stride + self._threshold)
        self._counts[added : self._counts.size - added] += old

    def _recount(self, x: Float32, bins: int, threshold: Any) -> None:
        self._counts, self._edges = self._count(x, bins, threshold)
        self._threshold = threshold

    @staticmethod
    def _count(x: Float32, bins: int, threshold: Any) -> tuple[NDArray[np.int64], NDArray[Any]]:
        counts, edges = np.histogram(x, bins, range=(-threshold, threshold))
        return counts.astype(np.int64), edges


class AbsoluteHistogram:
    """Counts of absolute values from the first batch's smallest on; grows by whole bins upwards.

    Later values below the first batch's smallest are not counted: ONNX Runtime does not count them either.
    """

    def __init__(self, bins: int) -> None:
        """Start empty; ``bins`` is the number for the first batch."""
        self._bins = bins
        self._extremes = _Extremes()
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._edges: Float32 = np.zeros(0, np.float32)

    def update(self, x: Float32) -> None:
        """Count the absolute values of a non-empty array."""
        self._extremes.update(x)
        magnitude = np.abs(x)
        old, edges, largest = self._counts, self._edges, magnitude.max()
        bins: int | NDArray[Any] = self._bins if old.size == 0 else edges
        if old.size and largest > edges[-1]:
            width = edges[1] - edges[0]
            if old.size + (largest - edges[-1]) / width > _MOST_BINS:
                bins = np.linspace(edges[0], largest, self._bins + 1, dtype=np.float32)
                old = np.histogram((edges[:-1] + edges[1:]) / 2, bins, weights=old)[0].astype(np.int64)
            else:
                bins = np.hstack((edges, np.arange(edges[-1] + width, largest + width, width)))
        counts, new_edges = np.histogram(magnitude, bins)
        self._counts, self._edges = counts.astype(np.int64), new_edges.astype(np.float32)
        self._counts[: old.size] += old

    def percentile(self, percentile: float) -> tuple[float, float]:
        """As :class:`GrowingHistogram`: the same threshold on both sides, the left edge of a bin."""
        cumulative = np.cumsum(self._counts / self._counts.sum())
        threshold = self._edges[np.searchsorted(cumulative, percentile / 100.0)]
        return self._extremes.clip(-threshold, threshold)
