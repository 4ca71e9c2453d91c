"""Min-max: the range is what was seen, so nothing is clipped and one outlier widens everything."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from playground.arrays import as_float32, require_values
from playground.calibration._calibrator import Calibrator
from playground.core import Range, Scheme
from playground.errors import InvalidInputError


class MinMaxState:
    """The smallest and largest value so far, per scale."""

    def __init__(self, scheme: Scheme) -> None:
        """Start with nothing seen."""
        self._scheme = scheme
        self._seen: Range | None = None

    def update(self, batch: ArrayLike) -> None:
        """Widen the range to what the batch holds."""
        x = require_values(as_float32(batch, "batch"), "batch")
        shape = self._scheme.qparams_shape(x.shape)
        shared = tuple(axis for axis, size in enumerate(shape) if size == 1)
        new = Range(x.min(axis=shared, keepdims=True), x.max(axis=shared, keepdims=True))
        if self._seen is not None:
            if self._seen.lo.shape != shape:
                raise InvalidInputError(
                    f"a batch with scales of shape {shape} after batches with {self._seen.lo.shape}", where="batch"
                )
            new = Range(np.minimum(self._seen.lo, new.lo), np.maximum(self._seen.hi, new.hi))
        self._seen = new

    def range(self) -> Range:
        """The smallest and largest value of all batches."""
        if self._seen is None:
            raise InvalidInputError("no batch has been seen", where="calibration", hint="Give at least one batch")
        return self._seen


CALIBRATOR = Calibrator(
    id="minmax",
    title="Min-max",
    summary="The smallest and the largest value: nothing is clipped.",
    source="onnxruntime MinMaxCalibrater, torch MinMaxObserver and PerChannelMinMaxObserver",
    start=MinMaxState,
)
