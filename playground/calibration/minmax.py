"""Min-max: the range of all values seen. Nothing is clipped, and one outlier widens the range."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from playground.calibration._batches import Batches
from playground.calibration._calibrator import Calibrator
from playground.quantization import Range, Scheme


class MinMaxState:
    """The smallest and largest value so far, per scale."""

    def __init__(self, scheme: Scheme) -> None:
        """Start with nothing seen."""
        self._batches = Batches(scheme)
        self._lo = np.full((), np.inf, np.float32)
        self._hi = np.full((), -np.inf, np.float32)

    def update(self, batch: ArrayLike) -> None:
        """Widen the range to what the batch holds."""
        lo, hi = self._batches.extremes(self._batches.check(batch))
        self._lo, self._hi = np.minimum(self._lo, lo), np.maximum(self._hi, hi)

    def range(self) -> Range:
        """The smallest and largest value of all batches."""
        self._batches.seen_shape()  # refuses when there was none
        return Range(self._lo, self._hi)


CALIBRATOR = Calibrator(
    id="minmax",
    title="Min-max",
    summary="The smallest and the largest value: nothing is clipped.",
    source="onnxruntime MinMaxCalibrater, torch MinMaxObserver and PerChannelMinMaxObserver",
    start=MinMaxState,
)
