"""GroupNormalization: each group of channels of each sample brought to mean 0 and variance 1."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.model.graph import Node
from playground.operators._attributes import Attribute
from playground.operators._normalized import normalized, of_channels
from playground.operators._operator import Operator, Takes
from playground.operators._places import stored_type
from playground.operators._ranks import as_input
from playground.operators._upgrades import Older, without
from playground.programs.call import Array, Call

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
)
