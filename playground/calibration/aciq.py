"""ACIQ: clip where theory puts the least squared error, if the values are Laplace or normally distributed.

Banner, Nahshan, Hoffer and Soudry, "Post-training 4-bit quantization of convolution networks for rapid-deployment",
arXiv:1810.05723. Of the distribution only one number is measured: the mean absolute deviation b (Laplace) or the
standard deviation σ (Gauss). The threshold is a multiple of it that depends on the number of codes alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from playground.calibration._calibrator import Calibrator
from playground.calibration._points import Float64, Points
from playground.calibration._summary import clipped, even_limits, summary
from playground.quantization import Scheme


@lru_cache
def laplace_multiple(codes: float) -> float:
    """α / b with the least error for a number of codes: W(3 codes²), with Lambert's W; 9.8968 for 256.

    The error is 2 b² exp(-α / b) for what is clipped and α² / (3 codes²) for what is rounded.
    """
    target = 3.0 * codes * codes
    alpha = math.log(target)
    for _ in range(50):  # Newton on α exp(α) = target
        alpha -= (alpha - target * math.exp(-alpha)) / (alpha + 1)
    return alpha


@lru_cache
def gauss_multiple(codes: float) -> float:
    """α / σ with the least error for a number of codes; 3.9240 for 256.

    The error is (α² + σ²) erfc(α / √2σ) - √(2/π) α σ exp(-α² / 2σ²) for what is clipped, α² / (3 codes²) for what is
    rounded; its derivative grows with α.
    """
    low, high = 0.0, 40.0
    for _ in range(100):
        alpha = (low + high) / 2
        clipping = alpha * math.erfc(alpha / math.sqrt(2)) - math.sqrt(2 / math.pi) * math.exp(-alpha * alpha / 2)
        low, high = (alpha, high) if clipping + alpha / (3 * codes * codes) < 0 else (low, alpha)
    return high


def _finder(multiple: Callable[[float], float], power: int) -> Callable[..., tuple[Float64, Float64]]:
    def find(points: Points, scheme: Scheme) -> tuple[Float64, Float64]:
        """Both sides of the mean; of zero where the scheme is symmetric or all values are on one side of it.

        Values on one side are half of a distribution: all codes serve that half, as twice as many would serve both.
        Zeros, which ReLU makes, are left out.
        """
        qmin, qmax = even_limits(scheme)
        codes = float(qmax - qmin + 1)
        half = np.logical_and((points.lo >= 0) | (points.hi <= 0), not scheme.symmetric)
        centre = np.where(half | scheme.symmetric, 0.0, points.mean(points.values))
        spread = points.mean(np.abs(points.values - centre) ** power)
        share = points.mean((points.values != 0).astype(np.float64))
        spread = np.where(half, spread / np.maximum(share, 1e-300), spread) ** (1 / power)
        reach = spread * np.where(half, multiple(2 * codes), multiple(codes))
        return clipped(points, centre - reach, centre + reach)

    return find


_SOURCE = "Banner et al. 2018, arXiv:1810.05723"

CALIBRATOR = (
    Calibrator(
        id="aciq_laplace",
        title="ACIQ (Laplace)",
        summary="Clips where a Laplace distribution with this mean absolute deviation has the least squared error.",
        source=_SOURCE,
        start=summary(_finder(laplace_multiple, 1), even=True),
    ),
    Calibrator(
        id="aciq_gauss",
        title="ACIQ (Gauss)",
        summary="Clips where a normal distribution with this standard deviation has the least squared error.",
        source=_SOURCE,
        start=summary(_finder(gauss_multiple, 2), even=True),
    ),
)
