"""Moving average of min-max: the range follows the batches slowly, so that one odd batch does not decide it.

Which batches there are is part of the answer: splitting them otherwise changes it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from playground.arrays import Float32
from playground.calibration._batches import Batches
from playground.calibration._calibrator import Calibrator, Parameter
from playground.quantization import Range, Scheme


class MovingAverageState:
    """Averages of the batches' smallest and largest values, per scale, in float32 as PyTorch forms them."""

    def __init__(self, scheme: Scheme, averaging_constant: float = 0.01) -> None:
        """Start with nothing seen; ``averaging_constant`` is the weight of each batch after the first."""
        self._batches = Batches(scheme)
        self._weight = np.float32(averaging_constant)
        self._bounds: tuple[Float32, Float32] | None = None

    def update(self, batch: ArrayLike) -> None:
        """Move both bounds towards those of the batch; the first batch's are taken as they are."""
        seen = self._batches.extremes(self._batches.check(batch))
        if self._bounds is None:
            self._bounds = seen
        else:
            lo, hi = (old + self._weight * (new - old) for old, new in zip(self._bounds, seen, strict=True))
            self._bounds = lo, hi

    def range(self) -> Range:
        """The averages so far."""
        self._batches.seen_shape()  # refuses when there was none
        lo, hi = self._bounds or ((), ())
        return Range(lo, hi)


CALIBRATOR = Calibrator(
    id="moving_average",
    title="Moving average",
    summary="The smallest and the largest value, averaged over the batches.",
    source="torch MovingAverageMinMaxObserver and MovingAveragePerChannelMinMaxObserver",
    start=MovingAverageState,
    splits_alike=False,
    parameters=(Parameter("averaging_constant", 0.01, 0.0, 1.0, False, "Weight of each batch after the first."),),
)
