"""An importance matrix: ranges that are best for the weights that meet large inputs, as llama.cpp's imatrix does.

A weight's squared error counts as much as the mean square of what it is multiplied with. For every scale a row of clip
ranges is tried, all shrunk or grown from the scheme's own by one factor, and the best one kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from playground import calibration
from playground.arrays import Float32
from playground.ptq.algorithms._algorithm import Algorithm, Context, Outcome, Parameter
from playground.ptq.algorithms._weights_stage import Job, layer_by_layer, scheme_of
from playground.quantization import QTensor, Range, Scheme, quantize_within
from playground.tasks import Progress, Task

LARGEST = 1.1
"""The largest factor: a range somewhat too wide puts its levels elsewhere, which may be better."""


def importance_task(values: Float32, importance: Float32, scheme: Scheme, steps: int, least: float) -> Task[QTensor]:
    """The weight with the ranges of least importance-weighted squared error.

    Args:
        values: float32, the weight.
        importance: of the same shape, not negative.
        scheme: how; its calibrator finds the ranges to start from.
        steps: how many factors are tried, from ``least`` to :data:`LARGEST`.
        least: the smallest factor.
    """
    start = calibration.calibrate(values, scheme)
    lowest: NDArray[np.float64] | None = None
    best = np.ones_like(start.lo)
    factors = np.unique(np.append(np.linspace(least, LARGEST, steps), 1.0)).astype(np.float32)
    for index, factor in enumerate(factors):
        yield Progress(index, len(factors), "Trying ranges")
        error = quantize_within(values, Range(start.lo * factor, start.hi * factor), scheme).dequantize() - values
        weighted = (error.astype(np.float64) ** 2) * importance
        loss = scheme.grouping.reduce(np.add, weighted)
        better = np.ones(loss.shape, np.bool_) if lowest is None else loss < lowest
        lowest = loss if lowest is None else np.minimum(loss, lowest)
        best = np.where(better, factor, best)
    return quantize_within(values, Range(start.lo * best, start.hi * best), scheme)


def _apply(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    def treat(job: Job) -> Task[QTensor]:
        squares = job.moments.squares / max(1, job.moments.count)
        importance = np.broadcast_to(squares[:, np.newaxis], job.values.shape).astype(np.float32)
        values, scheme = context.values(job.name), scheme_of(context, job.name)
        steps, least = int(parameters["steps"]), parameters["least"]
        return (yield from importance_task(values, job.layer.back(importance), scheme, steps, least))

    return (yield from layer_by_layer(context, treat))


ALGORITHM = Algorithm(
    id="importance",
    name="Importance matrix",
    summary="Clips so that weights which meet large inputs are hit best.",
    source="llama.cpp, tools/imatrix and quantize_row_*_impl: errors weighted with the mean square of the inputs",
    stage="weights",
    apply=_apply,
    parameters=(
        Parameter("steps", 40, 2, 1000, True, "How many ranges are tried for each scale."),
        Parameter("least", 0.3, 0.01, 1.0, False, "The smallest, relative to the scheme's own range."),
    ),
    needs_data=True,
)
