"""Half-quadratic quantization: move the zero-point until a norm that forgives outliers is smallest.

Badri and Shaji, "Half-Quadratic Quantization of Large Machine Learning Models", 2023, and their package ``hqq``. The
scale stays that of the whole range. What the codes cannot reach is split off in a sparse term of its own (the shrinkage
of an L_p norm with p < 1), and the zero-point that fits the rest is a mean. The zero-point is a real number: a scheme
with ``zero_point_type="float"`` and ``zero_in_range=False`` keeps it as it is, others round it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from playground.calibration._calibrator import Calibrator, Parameter
from playground.calibration._points import Float64, Points
from playground.calibration._search import by_row
from playground.calibration._summary import even_limits, summary
from playground.quantization import Range, Scheme, choose_qparams

Update = Callable[[Float64, Float64, Float64, Float64], tuple[Float64, Float64]]
"""From codes, what the codes should give, scale and zero-point to a better scale and zero-point."""


@dataclass(frozen=True, slots=True)
class _Solver:
    """The alternation, with the names that the authors use."""

    p: float
    beta: float
    kappa: float
    iterations: int

    def solve(
        self, points: Points, limits: tuple[int, int], scale: Float64, zero: Float64, update: Update
    ) -> tuple[Float64, Float64]:
        """Go on as long as the mean absolute error falls, each scale for itself; the best that was seen."""
        best = [scale, zero, np.full(scale.shape, np.inf)]
        beta, active = self.beta, np.ones(scale.shape, np.bool_)
        for step in range(self.iterations + 1):
            codes = np.clip(np.rint(points.values / scale + zero), *limits)
            rest = points.values - (codes - zero) * scale
            error = points.mean(np.abs(rest))
            active = active & (error < best[2])
            best = [np.where(active, new, old) for new, old in zip((scale, zero, error), best, strict=True)]
            if step == self.iterations or not active.any():
                break
            scale, zero = update(codes, points.values - self._shrunk(rest, beta), best[0], best[1])
            beta *= self.kappa
        return best[0], best[1]

    def _shrunk(self, rest: Float64, beta: float) -> Float64:
        """The proximal operator of the L_p norm, approximately: small errors are none."""
        size = np.abs(rest)
        with np.errstate(divide="ignore"):
            return np.copysign(np.maximum(size - size ** (self.p - 1) / beta, 0.0), rest)


def _find(
    points: Points, scheme: Scheme, *, p: float = 0.7, beta: float = 10.0, kappa: float = 1.01, iterations: int = 20
) -> tuple[Float64, Float64]:
    solver, limits = _Solver(p, beta, kappa, iterations), even_limits(scheme)
    return (_moved_scale if scheme.symmetric else _moved_zero)(points, scheme, limits, solver)


def _moved_zero(points: Points, scheme: Scheme, limits: tuple[int, int], solver: _Solver) -> tuple[Float64, Float64]:
    lo, hi = points.lo, points.hi
    if scheme.zero_in_range:
        lo, hi = np.minimum(lo, 0.0), np.maximum(hi, 0.0)
    qmin, qmax = limits
    scale = np.where(hi > lo, hi - lo, 1.0) / (qmax - qmin)

    def update(codes: Float64, wanted: Float64, scale: Float64, _: Float64) -> tuple[Float64, Float64]:
        return scale, points.mean(codes - wanted / scale)

    scale, zero = solver.solve(points, limits, scale, qmin - lo / scale, update)
    return np.where(hi > lo, (qmin - zero) * scale, lo), np.where(hi > lo, (qmax - zero) * scale, hi)


def _moved_scale(points: Points, scheme: Scheme, limits: tuple[int, int], solver: _Solver) -> tuple[Float64, Float64]:
    """A symmetric scheme has a fixed zero-point: what moves is the scale, whose best value is a ratio of sums."""
    largest = np.maximum(-points.lo, points.hi)
    start = choose_qparams(Range(-largest, largest), by_row(scheme))
    first, zero = start.scale_values.astype(np.float64), start.zero_point.astype(np.float64)

    def update(codes: Float64, wanted: Float64, scale: Float64, zero: Float64) -> tuple[Float64, Float64]:
        distance = codes - zero
        square = points.mean(distance * distance)
        better = points.mean(distance * wanted) / np.where(square > 0, square, 1.0)
        return np.where(better > 0, better, scale), zero

    scale, _ = solver.solve(points, limits, first, zero, update)
    return -largest * (scale / first), largest * (scale / first)


CALIBRATOR = Calibrator(
    id="hqq",
    title="HQQ",
    summary="Moves the zero-point (symmetric: the scale) to the least L_p error, which forgives outliers.",
    source="Badri and Shaji 2023, package hqq, optimize_weights_proximal; symmetric as torchao's scale-only variant",
    start=summary(_find, even=True),
    within_extremes=False,
    parameters=(
        Parameter("p", 0.7, 0.01, 1.0, False, "Power of the error: outliers count less the smaller it is."),
        Parameter("beta", 10.0, 1e-6, 1e12, False, "How closely the split follows the error at first."),
        Parameter("kappa", 1.01, 1.0, 10.0, False, "What beta is multiplied by in each step."),
        Parameter("iterations", 20, 1, 1000, True, "Steps, at the most."),
    ),
)
