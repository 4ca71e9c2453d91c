"""GroupNormalization: each group of channels of each sample brought to mean 0 and variance 1."""

from __future__ import annotations

import math

import numpy as np

from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Node
from playground.operators._attributes import Attribute
from playground.operators._float_rows import by_channel, scaled_and_shifted
from playground.operators._floats import float_input, floats_only
from playground.operators._normalized import normalized, of_channels
from playground.operators._operator import Operator, Takes
from playground.operators._places import stored_type
from playground.operators._ranks import as_input
from playground.operators._upgrades import Older, without
from playground.programs.call import Array, Call
from playground.programs.float_row_steps import Normalize
from playground.programs.planner import Planner, Symbol
from playground.programs.steps import Reshape

_BFLOAT16 = 16
_FLOAT32 = 1


def run(call: Call, x: Array, scale: Array, bias: Array) -> Array:
    """Mean 0 and variance 1 over the channels of a group and the spatial axes, then scale and bias a channel."""
    groups = call.get("num_groups")
    factor, shift = of_channels(x, scale, bias)
    if x.shape[1] % groups:
        raise InvalidInputError(
            f"{x.shape[1]} channels cannot be divided into {groups} groups", hint="Use a number that divides them"
        )
    stash = call.get("stash_type")
    wide = x.astype(stored_type(_FLOAT32 if stash == _BFLOAT16 else stash, "GroupNormalization"), copy=False)
    made = normalized(call, wide.reshape(x.shape[0], groups, -1), (2,)).reshape(x.shape)
    return (made.astype(x.dtype, copy=False) * factor + shift).astype(x.dtype, copy=False)


def _upgrade(older: Older, node: Node) -> Node:
    """Before operator set 21 scale and bias have one number a group: it is repeated for the group's channels."""
    if older.opset >= 21:
        return node
    groups = older.constant(node, "groups", np.array([node.attributes["num_groups"]], np.int64))
    channels = older.add("Shape", node, "channels", node.inputs[:1], start=1, end=2)
    sizes = older.add("Concat", node, "sizes", (groups, older.add("Div", node, "each", (channels, groups))), axis=0)
    axis, flat = older.constant(node, "axis", np.array([1])), older.constant(node, "flat", np.array([-1]))
    inputs = [node.inputs[0]]
    for name in node.inputs[1:]:
        column = older.add("Unsqueeze", node, "column", (name, axis))
        inputs.append(
            older.add("Reshape", node, "repeated", (older.add("Expand", node, "rows", (column, sizes)), flat))
        )
    return without(node, inputs=inputs)


@floats_only
def plan(planner: Planner, node: Node) -> Symbol:
    """Groups as rows of floats; then one number a channel as a factor, and another one that is added."""
    value, groups, output = float_input(planner, node.inputs[0]), node.attributes["num_groups"], node.outputs[0]
    shape = planner.values[value].shape
    if node.attributes["stash_type"] not in (_FLOAT32, _BFLOAT16) or shape[1] % groups:
        raise UnsupportedError(f"{shape[1]} channels in {groups} groups are not supported")
    rows = (shape[0], groups, math.prod(shape[1:]) // groups)
    planner.emit(Reshape((value,), f"{output}:groups"), rows, "float32")
    planner.emit(Normalize((f"{output}:groups",), f"{output}:rows", 2, node.attributes["epsilon"]), rows, "float32")
    planner.emit(Reshape((f"{output}:rows",), f"{output}:normal"), shape, "float32")
    parameters = [by_channel(planner, name, shape) for name in node.inputs[1:]]
    return scaled_and_shifted(planner, f"{output}:normal", parameters, output)


OPERATOR = Operator(
    name="GroupNormalization",
    run=run,
    since=(21,),
    rank=as_input,
    upgrade=_upgrade,
    ranks=(3, 5),
    takes=(Takes.VALUES, Takes.PARAMETER),
    attributes=(
        Attribute("epsilon", "float", 1e-5, low=0),
        Attribute("num_groups", "int", required=True, low=1),
        Attribute("stash_type", "int", 1),
    ),
    data=(0,),
    plan=plan,
)
