"""L_p norm: shrink the whole range step by step and keep what makes the smallest mean of ``|error| ** p``."""

from __future__ import annotations

import numpy as np

from playground.calibration._calibrator import Calibrator, Parameter
from playground.calibration._points import Float64, Points
from playground.calibration._search import Best, error_of
from playground.calibration._summary import summary
from playground.quantization import Scheme


def _find(
    points: Points, scheme: Scheme, *, p: float = 2.4, grid: int = 100, most_shrinking: float = 0.8
) -> tuple[Float64, Float64]:
    lo, hi = np.minimum(points.lo, 0.0), np.maximum(points.hi, 0.0)
    best = Best(error_of(points, scheme, p), lo, hi)
    for step in range(1, int(most_shrinking * grid)):
        share = 1 - step / grid
        best.offer(share * lo, share * hi)
    return best.lo, best.hi


CALIBRATOR = Calibrator(
    id="lp_norm",
    title="Least L_p error",
    summary="Shrinks the range step by step and keeps the smallest mean of |error| to the power p.",
    source="the quantizer of GPTQ (Frantar et al. 2022, arXiv:2210.17323): mse=True, norm 2.4, grid 100, maxshrink 0.8",
    start=summary(_find),
    parameters=(
        Parameter("p", 2.4, 0.1, 10.0, False, "Power of the error: large errors count more the larger it is."),
        Parameter("grid", 100, 2, 10_000, True, "Steps to the range would need to shrink to nothing."),
        Parameter("most_shrinking", 0.8, 0.0, 1.0, False, "How far it shrinks, as a share."),
    ),
)
