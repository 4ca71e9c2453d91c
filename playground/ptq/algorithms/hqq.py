"""Half-quadratic quantization of weights: the calibrator of that name, on every weight, without data.

Badri and Shaji 2023, see ``playground.calibration``: the zero-point (of a symmetric scheme: the scale) that gives the
least L_p error with p < 1, which forgives outliers. A weight that gains nothing by it keeps its own range.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.api import quantize
from playground.arrays import Float32
from playground.ptq.algorithms._algorithm import Algorithm, Context, Outcome, Parameter
from playground.ptq.algorithms._grid import unusable
from playground.ptq.algorithms._weights_stage import mean_of
from playground.quantization import QParams, QTensor, Scheme
from playground.tasks import Progress, Task

AT_ONCE = 2**15
"""Values that are worked on in one step, where they have scales of their own."""


def lp_error(values: Float32, weight: QTensor, p: float) -> float:
    """The mean of ``|error| ** p`` over all values."""
    error = np.abs(weight.dequantize().astype(np.float64) - values)
    return float(np.mean(error**p))


def with_hqq(scheme: Scheme, p: float, iterations: int) -> Scheme:
    """The scheme with this calibrator instead of its own."""
    arguments = {"p": p, "iterations": iterations}
    return Scheme(**{**scheme.as_dict(), "calibrator": "hqq", "calibrator_args": arguments})


def hqq_task(values: Float32, scheme: Scheme) -> Task[QTensor]:
    """The values quantized with that scheme; where channels have scales of their own, some channels at a time."""
    if scheme.granularity != "channel" or scheme.axis is None:
        yield Progress(0, 1, "HQQ")
        return quantize(values, scheme)
    rows = np.moveaxis(values, scheme.axis, 0)
    size = max(1, AT_ONCE // max(1, rows[0].size))
    parts = []
    for at in range(0, len(rows), size):
        yield Progress(at, len(rows), "HQQ")
        parts.append(quantize(np.ascontiguousarray(np.moveaxis(rows[at : at + size], 0, scheme.axis)), scheme))

    def joined(arrays: list[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(arrays, axis=scheme.axis)

    scales = joined([part.qparams.scale_values for part in parts])
    qparams = QParams(scales, joined([part.qparams.zero_point for part in parts]))
    return QTensor(joined([part.codes for part in parts]), qparams, scheme, values.shape)


def _apply(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    p, iterations = parameters["p"], int(parameters["iterations"])
    made: dict[str, QTensor] = {}
    errors: dict[str, tuple[float, float]] = {}
    skipped: dict[str, str] = {}
    for index, (name, scheme) in enumerate(context.open_weights().items()):
        yield Progress(index, len(context.placement.weights), f"HQQ on {name}")
        if unusable(scheme, integers_only=True) or not scheme.needs_range:
            skipped[name] = f"{scheme.format} has no range of integers whose zero-point or scale could be moved"
            continue
        values = context.values(name)
        found = yield from hqq_task(values, with_hqq(scheme, p, iterations))
        yield Progress(index, len(context.placement.weights), f"HQQ on {name}")
        before, after = lp_error(values, quantize(values, scheme), p), lp_error(values, found, p)
        if after >= before:
            skipped[name] = f"its own range is as good (mean error ** {p:g}: {before:.3g} against {after:.3g})"
            continue
        made[name], errors[name] = found, (before, after)
    return Outcome(
        weights=made,
        before={"mean_lp_error": mean_of(before for before, _ in errors.values())},
        after={"mean_lp_error": mean_of(after for _, after in errors.values())},
        tensors={name: {"mean_lp_error": pair} for name, pair in errors.items()},
        skipped=skipped,
    )


ALGORITHM = Algorithm(
    id="hqq",
    name="HQQ",
    summary="Moves zero-points (symmetric: scales) to the least L_p error, which forgives outliers; needs no data.",
    source="Badri and Shaji 2023, package hqq, optimize_weights_proximal",
    stage="weights",
    apply=_apply,
    parameters=(
        Parameter("p", 0.7, 0.01, 1.0, False, "Power of the error: outliers count less the smaller it is."),
        Parameter("iterations", 20, 1, 1000, True, "Steps, at the most."),
    ),
)
