"""RMSNormalization: rows brought to a mean square of 1, and scaled."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._attributes import Attribute, axis_of
from playground.operators._elementwise import together
from playground.operators._float_rows import normalized_rows
from playground.operators._floats import float_input, floats_only
from playground.operators._operator import Operator, Takes
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array, scale: Array) -> Array:
    """X over the root of its mean square over the axes from ``axis`` on, times the scale; squares in float32."""
    axes = tuple(range(axis_of(call.get("axis"), x.ndim), x.ndim))
    together(call, x, scale)
    wide = x.astype(np.result_type(x.dtype, np.float32), copy=False)
    squares = np.mean(wide * wide, axis=axes, keepdims=True)
    normal = wide / np.sqrt(squares + wide.dtype.type(call.get("epsilon")))
    return np.asarray(normal.astype(x.dtype, copy=False) * scale, scale.dtype)


@floats_only
def plan(planner: Planner, node: Node) -> Symbol:
    """Rows of floats, times the scale."""
    value, scale = (float_input(planner, name) for name in node.inputs)
    axis = axis_of(node.attributes["axis"], len(planner.values[value].shape))
    epsilon = node.attributes["epsilon"]
    return normalized_rows(planner, value, [scale], node.outputs[0], axis=axis, epsilon=epsilon, centred=False)


OPERATOR = Operator(
    name="RMSNormalization",
    versions=(23, None),
    run=run,
    attributes=(
        Attribute("axis", "int", -1),
        Attribute("epsilon", "float", 1e-5, low=0),
        Attribute("stash_type", "int", 1),
    ),
    data=(0,),
    takes=(Takes.VALUES, Takes.PARAMETER),
    plan=plan,
)
