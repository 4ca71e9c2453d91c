"""What the algorithms that quantize weights have in common: layer by layer, kept where it beats round-to-nearest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.api import quantize
from playground.ptq.algorithms._algorithm import Context, Outcome
from playground.ptq.algorithms._grid import output_error_task, unusable
from playground.ptq.algorithms._matrices import Matrices, matrices_of
from playground.ptq.algorithms._moments import Moments, moments_task, passes
from playground.quantization import QTensor, Scheme
from playground.tasks import Progress, Task

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Job:
    """One weight to quantize.

    Attributes:
        name: of the constant.
        layer: how it is seen as matrices.
        values: float64 ``[groups, outputs, inputs]``.
        nearest: the weight rounded to nearest.
        moments: of what it meets, second moments included.
    """

    name: str
    layer: Matrices
    values: Float64
    nearest: QTensor
    moments: Moments

    def error_task(self, weight: QTensor) -> Task[float]:
        """Sum of squared output errors."""
        error = self.layer.of(weight.dequantize()).astype(np.float64) - self.values
        return (yield from output_error_task(error, self.moments.second))


def layer_by_layer(
    context: Context, treat: Callable[[Job], Task[QTensor]], integers_only: bool = False
) -> Task[Outcome]:
    """Quantize all open weights with ``treat``. Numbers are relative output errors on the calibration data.

    Args:
        context: with calibration data.
        treat: one weight's work.
        integers_only: whether only evenly spaced codes can be treated.
    """
    layers, skipped = _usable(context, integers_only)
    made: dict[str, QTensor] = {}
    errors: dict[str, tuple[float, float]] = {}
    for part in passes(layers):
        moments = yield from moments_task(context, part, second=True)
        for name, layer in part.items():
            yield Progress(len(made), len(layers), f"Quantizing {name}")
            values = context.values(name)
            nearest = quantize(values, context.placement.weights[name])
            job = Job(name, layer, layer.of(values).astype(np.float64), nearest, moments[name])
            found = yield from treat(job)
            before, after = yield from _errors_task(job, found)
            if after > before:
                skipped[name] = f"round-to-nearest is better on the calibration data ({before:.3g} against {after:.3g})"
            else:
                made[name], errors[name] = found, (before, after)
    return Outcome(
        weights=made,
        before={"relative_output_error": mean_of(before for before, _ in errors.values())},
        after={"relative_output_error": mean_of(after for _, after in errors.values())},
        tensors={name: {"relative_output_error": pair} for name, pair in errors.items()},
        skipped=skipped,
    )


def _errors_task(job: Job, found: QTensor) -> Task[tuple[float, float]]:
    """Squared output errors over squared outputs: rounded to nearest, and as found."""
    signal = (yield from output_error_task(job.values, job.moments.second)) or 1.0
    nearest = yield from job.error_task(job.nearest)
    return nearest / signal, (yield from job.error_task(found)) / signal


def _usable(context: Context, integers_only: bool) -> tuple[dict[str, Matrices], dict[str, str]]:
    """The layers that can be treated, and why the others cannot."""
    layers: dict[str, Matrices] = {}
    skipped: dict[str, str] = {}
    products = context.products()
    for name, scheme in context.open_weights().items():
        layer = matrices_of(products[name], context.view)
        reason = layer if isinstance(layer, str) else unusable(scheme, integers_only) or _too_large(layer)
        if isinstance(layer, str) or reason:
            skipped[name] = str(reason)
        else:
            layers[name] = layer
    return layers, skipped


def _too_large(layer: Matrices) -> str:
    nbytes = layer.groups * layer.inputs**2 * 8
    return f"the second moments of its {layer.inputs} inputs take {nbytes / 2**30:.1f} GB" if nbytes > 2**30 else ""


def mean_of(numbers: Iterable[float]) -> float:
    """Their mean; 0 if there are none."""
    held = list(numbers)
    return math.fsum(held) / len(held) if held else 0.0


def scheme_of(context: Context, name: str) -> Scheme:
    """The scheme a weight is to have."""
    return context.placement.weights[name]
