"""BatchNormalization: channels scaled and shifted by what training has found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Node
from playground.operators._attributes import Attribute, flag
from playground.operators._operator import Form, Operator, Scales, Takes
from playground.operators._upgrades import Older, stated, without
from playground.programs.call import Array, Call


def run(call: Call, x: Array, *parameters: Array) -> Array:
    """Inference with given scale, bias, mean, variance (each per channel). Raises UnsupportedError in training mode."""
    if call.get("training_mode") or call.outputs > 1:
        raise UnsupportedError(
            "BatchNormalization in training mode is not supported", hint="Export the model for inference"
        )
    scale, bias, mean, variance = parameters
    if x.ndim < 2 or any(given.shape != (x.shape[1],) for given in parameters):
        shapes = ", ".join(str(list(given.shape)) for given in parameters)
        raise InvalidInputError(
            f"parameters of shape {shapes} do not fit the channels of values {list(x.shape)}",
            hint="Give one number for each channel",
        )
    factor = scale / np.sqrt(variance + variance.dtype.type(call.get("epsilon")))
    shape = (-1, *(1,) * (x.ndim - 2))
    return np.asarray(x * factor.reshape(shape) + (bias - mean * factor).reshape(shape))


def _upgrade(older: Older, node: Node) -> Node:
    """Inference has one output; ``spatial=0``, of operator sets before 9, has parameters for each place."""
    if older.opset >= 14:
        return node
    today = replace(without(node, "spatial"), outputs=node.outputs[:1])
    if older.opset >= 9 or stated(node, "spatial", "int") in (None, 1):
        return today
    x, scale, bias, mean, variance = node.inputs
    epsilon = stated(node, "epsilon", "float")
    small = older.number(node, "epsilon", 1e-5 if epsilon is None else epsilon, x)
    deviation = older.add("Sqrt", node, "deviation", (older.add("Add", node, "variance", (variance, small)),))
    centred = older.add("Sub", node, "centred", (x, mean))
    normal = older.add("Div", node, "normal", (centred, deviation))
    scaled = older.add("Mul", node, "scaled", (normal, scale))
    return Node("Add", node.name, (scaled, bias), node.outputs[:1])


OPERATOR = Operator(
    name="BatchNormalization",
    ranks=(2, 5),
    takes=(Takes.VALUES, Takes.PARAMETER),
    run=run,
    attributes=(
        Attribute("epsilon", "float", 1e-5, low=0),
        Attribute("momentum", "float", 0.9),
        flag("training_mode", since=14),
    ),
    data=(0,),
    bias=2,
    scales=Scales.NORMALIZATION,
    forms=Form.NAMED,
    since=(9,),
    upgrade=_upgrade,
)
