"""GPTQ: rounds column by column, and adjusts the columns that are not yet rounded to compensate the error.

Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", 2022: algorithm 1,
with the inverse of the Hessian by Cholesky and updates in blocks. The scales are those of the scheme's calibrator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.ptq.algorithms._algorithm import Algorithm, Context, Outcome, Parameter
from playground.ptq.algorithms._cholesky import inverse_factor_task
from playground.ptq.algorithms._grid import Grid, rounded_to
from playground.ptq.algorithms._weights_stage import Job, layer_by_layer
from playground.quantization import QTensor
from playground.tasks import Progress, Task

Float64 = NDArray[np.float64]

BLOCK = 64
"""Columns between two updates of all the rest: lazy batches, section 3.3."""


@dataclass(frozen=True, slots=True)
class Options:
    """Parameters of GPTQ: relative damping of the Hessian's diagonal; whether columns of large inputs go first."""

    damping: float = 0.01
    ordered: bool = True


def gptq_task(W: Float64, H: Float64, grid: Grid, options: Options | None = None) -> Task[Float64]:
    """The codes that GPTQ gives, whole numbers as float64 ``[groups, outputs, inputs]``.

    Args:
        W: float64 ``[groups, outputs, inputs]``.
        H: float64 ``[groups, inputs, inputs]``, sums of ``x @ x.T`` (a factor makes no difference).
        grid: the codes to choose from.
        options: see :class:`Options`.
    """
    options = options or Options()
    order = np.arange(W.shape[2])
    if options.ordered:
        order = np.argsort(-np.einsum("gii->i", H), kind="stable")
    # A column that meets zeros only makes no difference: it is rounded last of all, to nearest
    U = yield from inverse_factor_task(_damped(H[:, order][:, :, order], options.damping))
    codes = yield from _rounded_task(W[:, :, order], U, grid.columns(order))
    return codes[:, :, np.argsort(order)]


def _damped(H: Float64, damping: float) -> Float64:
    """The Hessian with a diagonal that makes it invertible."""
    H = H.copy()
    diagonal = np.einsum("gii->gi", H)  # a view
    mean = diagonal.mean(axis=1, keepdims=True)
    diagonal[diagonal == 0] = 1.0
    diagonal += np.where(mean > 0, damping * mean, 0.0)
    return H


def _rounded_task(W: Float64, U: Float64, grid: Grid) -> Task[Float64]:
    W = W.copy()
    codes = np.empty_like(W)
    inputs = W.shape[2]
    for start in range(0, inputs, BLOCK):
        end = min(start + BLOCK, inputs)
        errors = np.empty((*W.shape[:2], end - start))
        for j in range(start, end):
            codes[:, :, j], value = grid.columns(j).nearest(W[:, :, j])
            error = (W[:, :, j] - value) / U[:, j, j, np.newaxis]
            W[:, :, j + 1 : end] -= error[:, :, np.newaxis] * U[:, np.newaxis, j, j + 1 : end]
            errors[:, :, j - start] = error
            if j % 16 == 15:
                yield Progress(j, inputs, "GPTQ")
        W[:, :, end:] -= errors @ U[:, start:end, end:]
        yield Progress(end, inputs, "GPTQ")
    return codes


def _apply(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    options = Options(parameters["damping"], bool(parameters["ordered"]))

    def treat(job: Job) -> Task[QTensor]:
        codes = yield from gptq_task(job.values, job.moments.second, Grid.of(job.nearest, job.layer), options)
        return rounded_to(job.nearest, codes, job.layer)

    return (yield from layer_by_layer(context, treat))


ALGORITHM = Algorithm(
    id="gptq",
    name="GPTQ",
    summary="Rounds weights column by column; the columns that are left make up for the error so far.",
    source="Frantar et al. 2022, https://arxiv.org/abs/2210.17323",
    stage="weights",
    apply=_apply,
    parameters=(
        Parameter("damping", 0.01, 1e-6, 1.0, False, "Added to the Hessian's diagonal, relative to its mean."),
        Parameter(
            "ordered", 1, 0, 1, True, "1: inputs with large values first (act-order); 0: as they come, as in the paper."
        ),
    ),
    needs_data=True,
)
