"""GlobalAveragePool: the mean of each channel of an image."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._float_rows import reduced
from playground.operators._floats import float_input
from playground.operators._images import LINES, four_axes, of_signals
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators._ranks import as_input
from playground.operators.average_pool import averaged_image
from playground.programs import integer_ops as ops
from playground.programs.call import Array, Call
from playground.programs.planner import Codes, Planner, Symbol


def run(call: Call, x: Array) -> Array:
    """The mean over all spatial axes, which are kept with size 1."""
    return np.mean(x, axis=tuple(range(2, x.ndim)), keepdims=True, dtype=x.dtype)


def plan(planner: Planner, node: Node) -> Symbol:
    """GlobalAveragePool: one window of the image's size."""
    shape = planner.shape(node.inputs[0])
    if len(shape) == LINES:
        return of_signals(planner, node, plan)
    if len(shape) != 4 and planner.floats:
        value, wanted = float_input(planner, node.inputs[0]), (*shape[:2], *(1,) * (len(shape) - 2))
        reduced(planner, value, "mean", range(2, len(shape)), (node.outputs[0], wanted))
        return Codes(node.outputs[0])
    four_axes(shape)
    return averaged_image(planner, node, ops.Window((shape[2], shape[3]), (1, 1)), False)


OPERATOR = Operator(
    name="GlobalAveragePool",
    ranks=(3, 5),
    run=run,
    scales=Scales.ROWS,
    traits=Trait.MONOTONIC | Trait.HOMOGENEOUS | Trait.BY_CHANNEL,
    forms=Form.DEFAULT,
    rank=as_input,
    plan=plan,
)
