"""Histograms that grow with what they see, merged as ``onnxruntime.quantization.calibrate.HistogramCollector`` does.

They exist to give the same ranges as that tool, so its order of operations, its float32 edges and its habits are kept;
each habit that surprises is named where it happens.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.arrays import Float32
from playground.calibration._batches import Batches
from playground.errors import InvalidInputError, UnsupportedError
from playground.quantization import Range, Scheme

MOST_BINS = 1 << 20
"""Bins are added to keep their width; a stream that grows beyond this many is counted again in wider ones."""


_LARGEST = 1e33
"""Beyond it, the tools that are followed here compute with infinity: the width of a range times the number of bins."""

_MOST_SCALES = 1 << 13
"""Scales that each get a histogram of their own."""


class Growing(Protocol):
    """Counts of one stream of values."""

    def update(self, x: Float32) -> None:
        """Count the finite values of a non-empty one-dimensional array."""
        ...


H = TypeVar("H", bound=Growing)


class HistogramState(Generic[H]):
    """A histogram per scale, and the range that is read off it."""

    def __init__(self, scheme: Scheme, make: Callable[[], H], tell: Callable[[H], tuple[float, float]]) -> None:
        """Start with nothing seen: ``make`` gives an empty histogram, ``tell`` the bounds that a filled one has."""
        self.batches = Batches(scheme)
        self._make, self._tell = make, tell
        self._histograms: list[H] = []

    def update(self, batch: ArrayLike) -> None:
        """Count the values of a batch."""
        self.count(self.batches.check(batch))

    def count(self, x: Float32) -> None:
        """Count the values of a batch that has been checked.

        Raises:
            InvalidInputError: values are too large for a histogram in float32.
            UnsupportedError: there are too many scales for a histogram each.
        """
        scales = math.prod(self.batches.seen_shape())
        if scales > _MOST_SCALES:
            raise UnsupportedError(
                f"a histogram for each of {scales} scales takes too much memory",
                where="calibrator",
                hint="Use 'minmax', 'mse' or 'lp_norm' where so few values share a scale",
            )
        largest = max(float(x.max()), -float(x.min()))
        if largest > _LARGEST:
            raise InvalidInputError(
                f"values up to {largest:g} are too large for a histogram in float32",
                where="batch",
                hint="Use 'minmax', 'mse' or 'lp_norm'",
            )
        rows = list(self.batches.each(x))
        if not self._histograms:
            self._histograms = [self._make() for _ in rows]
        for histogram, row in zip(self._histograms, rows, strict=True):
            histogram.update(row)

    def range(self) -> Range:
        """The bounds of all scales."""
        shape = self.batches.seen_shape()
        bounds = np.array([self._tell(histogram) for histogram in self._histograms], np.float32)
        return Range(bounds[:, 0].reshape(shape), bounds[:, 1].reshape(shape))


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
    """Counts of values over ``-threshold .. threshold``; grows by whole bins on both sides.

    Attributes:
        counts: int64 (bins,).
        edges: float32 (bins + 1,).
    """

    def __init__(self, bins: int, most: int = MOST_BINS) -> None:
        """Start empty; ``bins`` is the number for the first batch, ``most`` the largest there may be."""
        self._bins, self._most = bins, most
        self._extremes = _Extremes()
        self.counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self.edges: NDArray[Any] = np.zeros(0, np.float32)
        self._threshold: Any = np.float32(0)

    def update(self, x: Float32) -> None:
        """Count the values of a non-empty array."""
        self._extremes.update(x)
        threshold = np.abs(x).max()
        if self.counts.size == 0:
            self._recount(x, self._bins, threshold)
        elif threshold <= self._threshold:
            self.counts += self._count(x, self.counts.size, self._threshold)[0]
        elif self._threshold == 0:  # only zeros so far: they keep the middle bins that they were counted in
            old = self.counts
            self._recount(x, old.size, threshold)
            self.counts += old
        else:
            self._widen(x, threshold)

    def clip(self, lo: Any, hi: Any) -> tuple[float, float]:
        """The bounds, drawn inside what was seen."""
        return self._extremes.clip(lo, hi)

    def percentile(self, percentile: float) -> tuple[float, float]:
        """The range that keeps ``percentile`` per cent: half of the rest is cut on each side, at left edges of bins."""
        cumulative = np.cumsum(self.counts / self.counts.sum())
        cut = (100.0 - percentile) / 200.0
        left, right = np.searchsorted(cumulative, (cut, 1.0 - cut))
        return self._extremes.clip(self.edges[left], self.edges[right])

    def _widen(self, x: Float32, threshold: Any) -> None:
        old, stride = self.counts, 2 * self._threshold / self.counts.size
        added = int((threshold - self._threshold) // stride + 1)
        if old.size + 2 * added > self._most:
            centres = (self.edges[:-1] + self.edges[1:]) / 2
            self._recount(x, self._bins, threshold)
            self.counts += np.histogram(centres, self.edges, weights=old)[0].astype(np.int64)
            return
        self._recount(x, old.size + 2 * added, added * stride + self._threshold)
        self.counts[added : self.counts.size - added] += old

    def _recount(self, x: Float32, bins: int, threshold: Any) -> None:
        self.counts, self.edges = self._count(x, bins, threshold)
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
            if old.size + (largest - edges[-1]) / width > MOST_BINS:
                bins = np.linspace(edges[0], largest, self._bins + 1, dtype=np.float32)
                old = np.histogram((edges[:-1] + edges[1:]) / 2, bins, weights=old)[0].astype(np.int64)
            else:
                bins = np.hstack((edges, np.arange(edges[-1] + width, largest + width, width)))
        counts, new_edges = np.histogram(magnitude, bins)
        self._counts, self._edges = counts.astype(np.int64), new_edges.astype(np.float32)
        self._counts[: old.size] += old

    def percentile(self, percentile: float) -> tuple[float, float]:
        """The range that keeps ``percentile`` per cent: the same threshold on both sides, the left edge of a bin."""
        cumulative = np.cumsum(self._counts / self._counts.sum())
        threshold = self._edges[np.searchsorted(cumulative, percentile / 100.0)]
        return self._extremes.clip(-threshold, threshold)
