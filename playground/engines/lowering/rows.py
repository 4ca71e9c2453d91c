"""Kernel calls for what works on whole rows: softmax and layer normalization."""

from __future__ import annotations

import math

from playground.engines import step_classes as p
from playground.engines.kernel_parts import coded, epilogue
from playground.engines.lowering.state import Lowering, lower
from playground.host.kernel import FLAG, Kernel, fixed, floats, octets

SOFTMAX = Kernel(
    "k_softmax_s8",
    {"codes": octets("rows", "columns"), "exps": fixed(1024), "scratch": floats("columns")},
    ranges={"is_signed": FLAG},
    parts=(epilogue("rows", "columns"),),
)
LAYER_NORM = Kernel(
    "k_layer_norm_s8",
    {"codes": octets("rows", "columns"), "gamma": floats("columns"), "beta": floats("columns")},
    ranges={"centred": FLAG},
    parts=(coded(), epilogue("rows", "columns")),
)


def _rows(step: p.Step, to: Lowering) -> dict[str, int]:
    """How many rows and columns the input has."""
    *outer, columns = to.values[step.inputs[0]].shape
    return {"rows": math.prod(outer), "columns": columns}


@lower.register
def lower_softmax(step: p.Softmax, to: Lowering) -> None:
    """Softmax."""
    (name,) = step.inputs
    shape, out = _rows(step, to), to.new(step.output)
    to.call(
        SOFTMAX,
        codes=to.row(name),
        **shape,
        is_signed=to.is_signed(name),
        exps=to.constant(step.exps),
        ratio=step.ratio,
        to=to.epilogue(step.to, out),
        scratch=to.buffer(4 * shape["columns"]),
    )


@lower.register
def lower_layer_norm(step: p.LayerNorm, to: Lowering) -> None:
    """LayerNorm."""
    (name,) = step.inputs
    out = to.new(step.output)
    to.call(
        LAYER_NORM,
        codes=to.row(name),
        **_rows(step, to),
        is_signed=to.is_signed(name),
        zero_point=step.x_zero_point,
        centred=True,
        epsilon=step.epsilon,
        gamma=to.constant(step.gamma),
        beta=to.constant(step.beta),
        to=to.epilogue(step.to, out),
    )
