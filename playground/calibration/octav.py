"""OCTAV: the clipping threshold with the least squared error, by Newton's method on the values themselves.

Sakr, Dai, Venkatesan, Zimmer, Dally and Khailany, "Optimal clipping and magnitude-aware differentiation for improved
quantization-aware training", ICML 2022, arXiv:2206.06501, equation 6. Rounding is modelled as uniform noise, clipping
is measured: no distribution is assumed.
"""

from __future__ import annotations

import numpy as np

from playground.calibration._calibrator import Calibrator, Parameter
from playground.calibration._points import Float64, Points
from playground.calibration._summary import clipped, even_limits, summary
from playground.quantization import Scheme


def _find(points: Points, scheme: Scheme, iterations: int = 20) -> tuple[Float64, Float64]:
    qmin, qmax = even_limits(scheme)
    codes = float(qmax - qmin + 1)
    one_sided = ((points.lo >= 0) | (points.hi <= 0)) & (not scheme.symmetric)
    noise = np.where(one_sided, 1 / 12, 1 / 3) / codes**2  # of rounding, over the square of the threshold
    magnitude = np.abs(points.values)
    threshold = points.mean(magnitude)
    for _ in range(iterations):
        beyond = magnitude > threshold
        share = points.mean(beyond.astype(np.float64))
        following = points.mean(magnitude * beyond) / np.maximum(noise * (1 - share) + share, 1e-300)
        following = np.where(share > 0, following, threshold)
        if np.array_equal(following, threshold):
            break
        threshold = following
    return clipped(points, -threshold, threshold)


CALIBRATOR = Calibrator(
    id="octav",
    title="OCTAV",
    summary="The threshold with the least squared error, rounding taken as noise and clipping measured.",
    source="Sakr et al. 2022, arXiv:2206.06501",
    start=summary(_find, even=True),
    parameters=(Parameter("iterations", 20, 1, 1000, True, "Newton steps, at the most."),),
)
