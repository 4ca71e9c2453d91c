"""AdaRound: learns for every weight whether to round up or down, so that the layer's outputs change least.

Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", 2020: rectified sigmoids, Adam, a
regulariser that drives them to 0 and 1. A layer's squared output error is a quadratic form in its weights, so second
moments of its inputs stand for the samples (no asymmetric reconstruction, no activation function).

Unlike the authors we start half-way between the weights and what GPTQ makes of the same choices (column by column, the
rest making up for it), so that a few large steps are enough, and then round single weights the other way as long as
that lowers the error: one such flip costs an output a row of the moments, a step of descent all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.programs.fast_products import product
from playground.ptq.algorithms._algorithm import Algorithm, Context, Outcome, Parameter
from playground.ptq.algorithms._grid import Grid, blocks_of, rounded_to
from playground.ptq.algorithms._weights_stage import Job, layer_by_layer
from playground.ptq.algorithms.gptq import gptq_task
from playground.quantization import QTensor
from playground.tasks import Progress, Task

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

ZETA, GAMMA = 1.1, -0.1
"""How far the sigmoid is stretched before it is cut off: equation 23."""

WARM_UP, BETA_FIRST, BETA_LAST = 0.2, 20.0, 2.0
"""The share of steps without regulariser, and how its exponent falls: the authors' settings."""


@dataclass(frozen=True, slots=True)
class Options:
    """Steps of Adam, their size, and the weight of the regulariser."""

    steps: int = 50
    rate: float = 0.3
    regularisation: float = 8.0


def adaround_task(W: Float64, H: Float64, grid: Grid, options: Options | None = None) -> Task[Float64]:
    """The codes that AdaRound gives, whole numbers as float64 ``[groups, outputs, inputs]``.

    Of every output the best of three is kept: what is descended to, the start of that, round-to-nearest.

    Args:
        W: float64 ``[groups, outputs, inputs]``.
        H: float64 ``[groups, inputs, inputs]``, sums of ``x @ x.T``.
        grid: integer codes to choose from.
        options: see :class:`Options`.
    """
    options = options or Options()
    grid = grid.neighbours(W)
    nearest = grid.codes(W)
    reference = yield from _errors_task(grid.values(nearest) - W, H)
    mean = reference.mean(axis=1)[:, np.newaxis, np.newaxis] / W.shape[2]
    scaled = (2 * H / np.where(mean > 0, mean, 1.0)).astype(np.float32)
    start = yield from gptq_task(W, H, grid)
    codes = nearest.copy()
    for block in blocks_of(W.shape[1], W.shape[2]):  # outputs are independent of each other
        part, weights, least = grid.outputs(block), W[:, block], reference[:, block]
        found = yield from _descend(_Problem(weights, part, scaled), start[:, block], options)
        for candidate in (start[:, block], found):
            flipped = yield from _flipped_task(candidate, weights, H, part)
            errors = yield from _errors_task(part.values(flipped) - weights, H)
            codes[:, block] = np.where((errors <= least)[:, :, np.newaxis], flipped, codes[:, block])
            least = np.minimum(errors, least)
    return codes


def _errors_task(error: Float64, H: Float64) -> Task[Float64]:
    """Squared output error of every output, ``[groups, outputs]``."""
    found = np.empty(error.shape[:2])
    for block in blocks_of(error.shape[1], error.shape[2]):
        part = error[:, block]
        found[:, block] = np.einsum("goi,goi->go", part @ H, part)
        yield Progress(0, 1, "Errors of outputs")
    return found


class _Problem:
    """The loss and its gradient, in float32. H is scaled so that round-to-nearest costs one a weight."""

    def __init__(self, W: Float64, grid: Grid, H: Float32) -> None:
        lower, upper = grid.bounds or (W, W)
        self._lower, self._upper = lower, upper
        self._step = (grid.scale * (upper - lower)).astype(np.float32)  # none beyond the last code
        self._base = (grid.values(lower) - W).astype(np.float32)  # with everything rounded down
        self._H = H
        self._scratch = np.empty_like(self._step)
        self.rest = np.clip(W / grid.scale + grid.zero - lower, 0.0, 1.0).astype(np.float32)

    def gradient(self, h: Float32) -> Float32:
        """Of the output error by ``h``, the share by which each weight is rounded up."""
        error = np.multiply(self._step, h, out=self._scratch)
        error += self._base
        found = np.stack([product(part, H) for part, H in zip(error, self._H, strict=True)])
        found *= self._step
        return found

    def start(self, codes: Float64) -> Float32:
        """Shares half-way between the weights and given codes."""
        found: Float32 = (0.5 * (self.rest + (codes > self._lower))).astype(np.float32)
        return found

    def codes(self, h: Float32) -> Float64:
        """What the shares are rounded to."""
        return np.where(h >= 0.5, self._upper, self._lower)


def _opened(V: Float32) -> tuple[Float32, Float32]:
    """The rectified sigmoid and its derivative."""
    stretch = np.float32(ZETA - GAMMA)
    sigmoid = np.negative(V)
    np.exp(sigmoid, out=sigmoid)
    sigmoid += np.float32(1)
    np.reciprocal(sigmoid, out=sigmoid)
    wide = sigmoid * stretch
    wide += np.float32(GAMMA)
    slope = np.float32(1) - sigmoid
    slope *= sigmoid
    slope *= stretch
    h = np.clip(wide, np.float32(0), np.float32(1))
    slope *= h == wide  # nothing beyond 0 and 1
    return h, slope


def _descend(problem: _Problem, start: Float64, options: Options) -> Task[Float64]:
    """Adam on the logits; the regulariser ``1 - |2h - 1| ** beta`` sharpens as beta falls."""
    share = np.clip((problem.start(start) - GAMMA) / (ZETA - GAMMA), 1e-4, 1 - 1e-4)
    V: Float32 = np.log(share / (1 - share)).astype(np.float32)
    first, second = np.zeros_like(V), np.zeros_like(V)
    warm = int(WARM_UP * options.steps)
    for step in range(options.steps):
        h, slope = _opened(V)
        gradient = problem.gradient(h)
        if step >= warm:
            beta = annealed((step - warm) / max(1, options.steps - warm))
            gradient -= _push(h, beta, options.regularisation)
        gradient *= slope
        rate = options.rate * math.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
        V -= _adam(gradient, first, second, rate)
        yield Progress(step, options.steps, "AdaRound")
        if step >= warm and not slope.any():  # all is decided
            break
    return problem.codes(_opened(V)[0])


def annealed(done: float) -> float:
    """The regulariser's beta when a share ``done`` of the steps after the warm-up is over: half a cosine downwards.

    A large one leaves shares in the middle free and moves those near 0 or 1 only; a small one pushes all of them.
    """
    return BETA_LAST + 0.5 * (BETA_FIRST - BETA_LAST) * (1 + math.cos(done * math.pi))


def _push(h: Float32, beta: float, weight: float) -> Float32:
    """How strongly shares are driven to 0 or 1: minus the regulariser's gradient."""
    h *= np.float32(2)
    h -= np.float32(1)
    size = np.abs(h)
    np.power(size, np.float32(beta - 1), out=size)
    np.copysign(size, h, out=size)
    size *= np.float32(2 * weight * beta)
    return size


def _adam(gradient: Float32, first: Float32, second: Float32, rate: float) -> Float32:
    """One step of Adam; its moments are brought up to date in place, the gradient is used up."""
    first *= np.float32(0.9)
    first += np.float32(0.1) * gradient
    gradient *= gradient
    gradient *= np.float32(0.001)
    second *= np.float32(0.999)
    second += gradient
    size = np.sqrt(second, out=gradient)
    size += np.float32(1e-8)
    np.divide(first, size, out=size)
    size *= np.float32(rate)
    return size


def _flipped_task(codes: Float64, W: Float64, H: Float64, grid: Grid) -> Task[Float64]:
    """In each output the best single weight rounded the other way, until no such flip lowers the error."""
    low, high = grid.bounds or (codes, codes)
    up = np.where(codes == low, high - low, low - high) * grid.scale  # what a flip adds to a weight
    slope = 2 * ((grid.values(codes) - W) @ H)  # of the error by the weights
    curvature = np.diagonal(H, axis1=1, axis2=2)[:, np.newaxis]
    group, output = np.ix_(range(W.shape[0]), range(W.shape[1]))
    flips = W.shape[2]  # enough: as a rule one weight in ten is worth it
    for done in range(flips):
        gain = up * curvature
        gain += slope
        gain *= up
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


def _apply(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    options = Options(int(parameters["steps"]), parameters["rate"], parameters["regularisation"])

    def treat(job: Job) -> Task[QTensor]:
        codes = yield from adaround_task(job.values, job.moments.second, Grid.of(job.nearest, job.layer), options)
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
        Parameter("steps", 50, 1, 100_000, True, "Steps of gradient descent a layer."),
        Parameter("rate", 0.3, 1e-5, 1.0, False, "Their size."),
        Parameter("regularisation", 8.0, 0.0, 1000.0, False, "How strongly the choices are driven to up or down."),
    ),
    needs_data=True,
)
