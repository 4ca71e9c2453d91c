"""Mean and standard deviation: the range reaches a fixed number of standard deviations to both sides of the mean."""

from __future__ import annotations

import numpy as np

from playground.calibration._calibrator import Calibrator, Parameter
from playground.calibration._points import Float64, Points
from playground.calibration._summary import clipped, summary
from playground.quantization import Scheme


def _find(points: Points, scheme: Scheme, k: float = 3.0) -> tuple[Float64, Float64]:
    mean = points.mean(points.values)
    reach = k * np.sqrt(points.mean((points.values - mean) ** 2))
    return clipped(points, mean - reach, mean + reach)


CALIBRATOR = Calibrator(
    id="mean_sigma",
    title="Mean ± k σ",
    summary="So many standard deviations to both sides of the mean, where there are values at all.",
    source="the N_STD clipping of Distiller (Zmora et al. 2019, arXiv:1910.12232); σ divides by the number of values",
    start=summary(_find),
    parameters=(Parameter("k", 3.0, 0.0, 1000.0, False, "Standard deviations that are kept on each side."),),
)
