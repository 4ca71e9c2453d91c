"""Percentile: clip a small share of the outermost values, so that levels are closer for the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from playground.arrays import Float32
from playground.calibration._calibrator import Calibrator, Parameter
from playground.calibration._histogram import AbsoluteHistogram, HistogramState, ValueHistogram
from playground.quantization import Range, Scheme

_MOST_KEPT = 1 << 22
"""Values of a first batch that are kept, in case it stays the only one (16 MB)."""


class PercentileState:
    """The percentiles of one batch are exact; from the second on there is a histogram per scale.

    A symmetric scheme looks at absolute values; an asymmetric one gives up half on either side.
    """

    def __init__(self, scheme: Scheme, percentile: float = 99.999, num_bins: int = 2048, exact: int = 1) -> None:
        """Start with nothing seen; ``percentile`` is the share to keep, ``num_bins`` those of the first histogram."""
        self._keeps_first = bool(exact)
        self._symmetric = scheme.symmetric
        self._percentile = percentile
        kind = AbsoluteHistogram if scheme.symmetric else ValueHistogram
        self._counted: HistogramState[AbsoluteHistogram | ValueHistogram] = HistogramState(
            scheme, lambda: kind(num_bins), lambda histogram: histogram.percentile(percentile)
        )
        self._batches = 0
        self._only: Float32 | None = None
        self._exact: Range | None = None

    def update(self, batch: ArrayLike) -> None:
        """Keep the first batch (of a large one, its percentiles); count every other."""
        x = self._counted.batches.check(batch)
        self._batches += 1
        if self._keeps_first and self._batches == 1 and x.size <= _MOST_KEPT:
            self._only = x.copy()  # the caller may use its memory again
            return
        only = self._keeps_first and self._batches == 1
        self._exact = self._order_statistics(x) if only else None
        if self._only is not None:
            self._counted.count(self._only)
            self._only = None
        self._counted.count(x)

    def range(self) -> Range:
        """Exact for one batch, from the histogram's bins for more."""
        if self._only is not None:
            return self._order_statistics(self._only)
        return self._exact or self._counted.range()

    def _order_statistics(self, x: Float32) -> Range:
        shape = self._counted.batches.seen_shape()
        rows = self._counted.batches.split(x)
        if self._symmetric:
            threshold = _percentiles(np.abs(rows), self._percentile).reshape(shape)
            return Range(-threshold, threshold)
        cut = (100.0 - self._percentile) / 2
        return Range(*(_percentiles(rows, share).reshape(shape) for share in (cut, 100.0 - cut)))


def _percentiles(rows: Float32, share: float) -> Float32:
    """A percentile of each row, without the NaN that fill up short ones."""
    found: Float32 = np.percentile(rows, share, axis=1)
    for short in np.flatnonzero(np.isnan(found)):
        found[short] = np.percentile(rows[short][~np.isnan(rows[short])], share)
    return found


CALIBRATOR = Calibrator(
    id="percentile",
    title="Percentile",
    summary="Keep this share of the values and clip the rest.",
    source="onnxruntime PercentileCalibrater for streams; order statistics with linear interpolation for one array",
    start=PercentileState,
    splits_alike=False,
    parameters=(
        Parameter("percentile", 99.999, 0.0, 100.0, False, "Share of the values that is kept, in per cent."),
        Parameter("num_bins", 2048, 2, 1 << 20, True, "Bins of the first histogram, when there are several batches."),
        Parameter("exact", 1, 0, 1, True, "0: from the histogram for a single batch too, as ONNX Runtime does."),
    ),
)
