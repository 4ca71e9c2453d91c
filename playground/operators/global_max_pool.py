"""GlobalMaxPool: the largest value of each channel of an image."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._float_rows import reduced
from playground.operators._floats import float_input, floats_only
from playground.operators._operator import Operator, Trait
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call
from playground.programs.planner import Codes, Planner, Symbol


def run(call: Call, x: Array) -> Array:
    """The largest value over all spatial axes, which are kept with size 1."""
    return np.asarray(np.max(x, axis=tuple(range(2, x.ndim)), keepdims=True))


@floats_only
def plan(planner: Planner, node: Node) -> Symbol:
    """The largest of all spatial places."""
    value = float_input(planner, node.inputs[0])
    shape = planner.values[value].shape
    wanted = (*shape[:2], *(1,) * (len(shape) - 2))
    reduced(planner, value, "max", range(2, len(shape)), (node.outputs[0], wanted))
    return Codes(node.outputs[0])


OPERATOR = Operator(
    name="GlobalMaxPool",
    ranks=(3, 5),
    run=run,
    traits=Trait.MONOTONIC | Trait.HOMOGENEOUS | Trait.BY_CHANNEL,
    rank=as_input,
    plan=plan,
)
