"""AdaRound: learns for every weight whether to round up or down, so that the layer's outputs change least.

Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", 2020: rectified sigmoids, Adam, a
regulariser that drives them to 0 and 1. A layer's squared output error is a quadratic form in its weights, so second
moments of its inputs stand for the samples (no asymmetric reconstruction, no activation function).

Unlike the authors we take few large steps, and then round single weights the other way as long as that lowers the
error: one such flip costs an output a row of the moments, a step of descent all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.core import QTensor
from playground.ptq._algorithm import Algorithm, Context, Outcome, Parameter
from playground.ptq._grid import Grid, blocks_of, rounded_to
from playground.ptq._weights_stage import Job, layer_by_layer
from playground.work import Progress, Work

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

ZETA, GAMMA = 1.1, -0.1
"""How far the sigmoid is stretched before it is cut off: equation 23."""

WARM_UP, BETA_FIRST, BETA_LAST = 0.2, 20.0, 2.0
"""The share of steps without regulariser, and how its exponent falls: the authors' settings."""


@dataclass(frozen=True, slots=True)
class Options:
    """Steps of Adam, their size, and the weight of the regulariser."""

    steps: int = 200
    rate: float = 0.3
    regularisation: float = 8.0


def adaround_work(W: Float64, H: Float64, grid: Grid, options: Options | None = None) -> Work[Float64]:
    """The codes that AdaRound gives, whole numbers as float64 ``[groups, outputs, inputs]``.

    An output whose error is larger than with round-to-nearest is rounded to nearest.

    Args:
        W: float64 ``[groups, outputs, inputs]``.
        H: float64 ``[groups, inputs, inputs]``, sums of ``x @ x.T``.
        grid: integer codes to choose from.
        options: see :class:`Options`.
    """
    options = options or Options()
    nearest = grid.codes(W)
    reference = _errors(grid.values(nearest) - W, H)
    mean = reference.mean(axis=1)[:, np.newaxis, np.newaxis] / W.shape[2]
    scaled = (2 * H / np.where(mean > 0, mean, 1.0)).astype(np.float32)
    codes = nearest.copy()
    for block in blocks_of(W.shape[1], W.shape[2]):  # outputs are independent of each other
        part = Grid(grid.scale[:, block], grid.zero[:, block], grid.scheme)
        problem = _Problem(W[:, block], part, scaled)
        V = yield from _descend(problem, options)
        found = np.clip(problem.floor + (_opened(V)[0] >= 0.5), *grid.scheme.limits)
        found = yield from _flipped_work(found, W[:, block], H, part)
        worse = _errors(part.values(found) - W[:, block], H) > reference[:, block]
        codes[:, block] = np.where(worse[:, :, np.newaxis], nearest[:, block], found)
    return codes


def _errors(error: Float64, H: Float64) -> Float64:
    """Squared output error of every output, ``[groups, outputs]``."""
    found: Float64 = np.einsum("goi,goi->go", error @ H, error)
    return found


class _Problem:
    """The loss and its gradient, in float32. H is scaled so that round-to-nearest costs one a weight."""

    def __init__(self, W: Float64, grid: Grid, H: Float32) -> None:
        low, high = grid.scheme.limits
        steps = W / grid.scale + grid.zero
        self.floor = np.floor(steps)
        lower = np.clip(self.floor, low, high)
        free = (self.floor >= low) & (self.floor < high)  # what lies beyond the last code has no choice
        self._step = (grid.scale * free).astype(np.float32)
        self._base = (grid.values(lower) - W).astype(np.float32)  # with everything rounded down
        self._H = H
        self.rest = np.clip(steps - self.floor, 0.0, 1.0).astype(np.float32)

    def gradient(self, h: Float32) -> Float32:
        """Of the output error by ``h``, the share by which each weight is rounded up."""
        error = self._base + self._step * h
        found: Float32 = (error @ self._H) * self._step
        return found


def _opened(V: Float32) -> tuple[Float32, Float32]:
    """The rectified sigmoid and its derivative."""
    stretch = np.float32(ZETA - GAMMA)
    sigmoid = np.float32(1) / (np.float32(1) + np.exp(-V))
    wide = sigmoid * stretch + np.float32(GAMMA)
    inside = (wide > 0) & (wide < 1)
    slope: Float32 = sigmoid * (1 - sigmoid) * stretch * inside
    return np.clip(wide, np.float32(0), np.float32(1)), slope


def _descend(problem: _Problem, options: Options) -> Work[Float32]:
    """Adam on the logits; the regulariser ``1 - |2h - 1| ** beta`` sharpens as beta falls."""
    share = np.clip((problem.rest - GAMMA) / (ZETA - GAMMA), 1e-4, 1 - 1e-4)
    V: Float32 = np.log(share / (1 - share)).astype(np.float32)
    first, second = np.zeros_like(V), np.zeros_like(V)
    warm = int(WARM_UP * options.steps)
    for step in range(options.steps):
        h, slope = _opened(V)
        gradient = problem.gradient(h)
        if step >= warm:
            done = (step - warm) / max(1, options.steps - warm)
            beta = BETA_LAST + 0.5 * (BETA_FIRST - BETA_LAST) * (1 + math.cos(done * math.pi))
            distance = 2 * h - 1
            push = np.copysign(np.abs(distance) ** np.float32(beta - 1), distance)
            gradient -= np.float32(2 * options.regularisation * beta) * push
        gradient = gradient * slope
        first += np.float32(0.1) * (gradient - first)
        second += np.float32(0.001) * (gradient * gradient - second)
        rate = options.rate * math.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
        V -= np.float32(rate) * first / (np.sqrt(second) + np.float32(1e-8))
        yield Progress(step, options.steps, "AdaRound")
        if step >= warm and not slope.any():  # all is decided
            break
    return V


def _flipped_work(codes: Float64, W: Float64, H: Float64, grid: Grid) -> Work[Float64]:
    """In each output the best single weight rounded the other way, until no such flip lowers the error."""
    floor = np.floor(W / grid.scale + grid.zero)
    low, high = (np.clip(floor + up, *grid.scheme.limits) for up in (0, 1))
    up = np.where(codes == low, high - low, low - high) * grid.scale  # what a flip adds to a weight
    slope = 2 * ((grid.values(codes) - W) @ H)  # of the error by the weights
    curvature = np.diagonal(H, axis1=1, axis2=2)[:, np.newaxis]
    group, output = np.ix_(range(W.shape[0]), range(W.shape[1]))
    flips = W.shape[2]  # enough: as a rule one weight in ten is worth it
    for done in range(flips):
        gain = up * (slope + up * curvature)
        at = gain.argmin(axis=-1)
        step = up[group, output, at]
        better = gain[group, output, at] < -1e-9 * step**2 * curvature[group, 0, at]
        if not better.any():
            break
        step = np.where(better, step, 0.0)
        slope += 2 * step[:, :, np.newaxis] * H[group, at]
        up[group, output, at] = np.where(better, -step, up[group, output, at])
        yield Progress(done, flips, "Single weights the other way")
    found: Float64 = np.where(up * grid.scale > 0, low, high)
    return found


def _apply(context: Context, parameters: Mapping[str, float]) -> Work[Outcome]:
    options = Options(int(parameters["steps"]), parameters["rate"], parameters["regularisation"])

    def treat(job: Job) -> Work[QTensor]:
        codes = yield from adaround_work(job.values, job.moments.second, Grid.of(job.nearest, job.layer), options)
        return rounded_to(job.nearest, codes, job.layer)

    return (yield from layer_by_layer(context, treat, integers_only=True))


ALGORITHM = Algorithm(
    id="adaround",
    name="AdaRound",
    summary="Learns for every weight whether to round up or down, so that the layer's outputs change least.",
    source="Nagel et al. 2020, https://arxiv.org/abs/2004.10568",
    stage="weights",
    apply=_apply,
    parameters=(
        Parameter("steps", 200, 1, 100_000, True, "Steps of gradient descent a layer."),
        Parameter("rate", 0.3, 1e-5, 1.0, False, "Their size."),
        Parameter("regularisation", 8.0, 0.0, 1000.0, False, "How strongly the choices are driven to up or down."),
    ),
    needs_data=True,
)
