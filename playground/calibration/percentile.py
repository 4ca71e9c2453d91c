"""Percentile: give up the few outermost values, so that the levels lie closer for all the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from playground.arrays import Float32
from playground.calibration._batches import Batches
from playground.calibration._calibrator import Calibrator, Parameter
from playground.calibration._histogram import AbsoluteHistogram, GrowingHistogram, ValueHistogram
from playground.core import Range, Scheme


class PercentileState:
    """One batch is kept and its percentiles are exact; from the second on there is a histogram per scale.

    A symmetric scheme looks at absolute values; an asymmetric one gives up half on either side.
    """

    def __init__(self, scheme: Scheme, percentile: float = 99.999, num_bins: int = 2048) -> None:
        """Start with nothing seen; ``percentile`` is the share to keep, ``num_bins`` those of the first histogram."""
        self._batches = Batches(scheme)
        self._symmetric = scheme.symmetric
        self._percentile = percentile
        self._num_bins = num_bins
        self._only: Float32 | None = None
        self._histograms: list[GrowingHistogram] = []

    def update(self, batch: ArrayLike) -> None:
        """Keep the first batch; count every other."""
        x = self._batches.check(batch)
        if not self._histograms and self._only is None:
            self._only = x
            return
        if self._only is not None:
            kind = AbsoluteHistogram if self._symmetric else ValueHistogram
            self._histograms = [kind(self._num_bins) for _ in self._batches.split(self._only)]
            self._count(self._only)
            self._only = None
        self._count(x)

    def range(self) -> Range:
        """Exact for one batch, from the histogram's bins for more."""
        shape = self._batches.seen_shape()
        if self._only is not None:
            return self._exact(self._only, self._batches.shared_axes())
        bounds = [histogram.percentile(self._percentile) for histogram in self._histograms]
        lo, hi = (np.array(bound, np.float32).reshape(shape) for bound in zip(*bounds, strict=True))
        return Range(lo, hi)

    def _count(self, x: Float32) -> None:
        for histogram, values in zip(self._histograms, self._batches.split(x), strict=True):
            histogram.update(values)

    def _exact(self, x: Float32, axes: tuple[int, ...]) -> Range:
        if self._symmetric:
            threshold = np.percentile(np.abs(x), self._percentile, axis=axes, keepdims=True)
            return Range(-threshold, threshold)
        cut = (100.0 - self._percentile) / 2
        lo, hi = np.percentile(x, (cut, 100.0 - cut), axis=axes, keepdims=True)
        return Range(lo, hi)


CALIBRATOR = Calibrator(
    id="percentile",
    title="Percentile",
    summary="Keep this share of the values and clip the rest.",
    source="onnxruntime PercentileCalibrater for streams; order statistics with linear interpolation for one array",
    start=PercentileState,
    parameters=(
        Parameter("percentile", 99.999, 0.0, 100.0, False, "Share of the values that is kept, in per cent."),
        Parameter("num_bins", 2048, 2, 1 << 20, True, "Bins of the first histogram, when there are several batches."),
    ),
)
