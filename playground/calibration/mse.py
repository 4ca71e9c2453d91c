"""Mean squared error: search for the range whose codes come closest to the values."""

from __future__ import annotations

import numpy as np

from playground.calibration._calibrator import Calibrator, Parameter
from playground.calibration._points import Float64, Points
from playground.calibration._search import Best, error_of
from playground.calibration._summary import summary
from playground.quantization import Scheme

_FINER = 8
"""Steps of the second and third look, to either side of the best so far."""


def _find(points: Points, scheme: Scheme, steps: int = 32) -> tuple[Float64, Float64]:
    """Shrink both ends together, then (in an asymmetric scheme) each for itself; look closer around the best twice."""
    lo, hi = np.minimum(points.lo, 0.0), np.maximum(points.hi, 0.0)
    if scheme.symmetric:
        hi = np.maximum(-lo, hi)
        lo = -hi
    best = Best(error_of(points, scheme, 2), lo, hi)
    for step in range(1, steps):
        best.offer(lo * (step / steps), hi * (step / steps))
    width = 1.0 / steps
    for _ in range(2):
        for moves_lo, moves_hi in ((1, 1),) if scheme.symmetric else ((1, 0), (0, 1)):
            at_lo, at_hi = best.lo, best.hi
            for step in (*range(-_FINER, 0), *range(1, _FINER + 1)):
                share = step / _FINER * width
                best.offer(
                    np.clip(at_lo + moves_lo * share * lo, lo, 0.0), np.clip(at_hi + moves_hi * share * hi, 0.0, hi)
                )
        width /= _FINER
    return best.lo, best.hi


CALIBRATOR = Calibrator(
    id="mse",
    title="Least squared error",
    summary="Tries ranges and keeps the one whose codes come closest to the values.",
    source="the search of TensorRT's pytorch-quantization (method 'mse') and others, with the scheme's own arithmetic",
    start=summary(_find),
    parameters=(Parameter("steps", 32, 4, 1000, True, "Ranges of the first look; the best is then refined."),),
)
