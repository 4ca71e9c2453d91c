"""BatchNormalization: channels scaled and shifted by what training has found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._attributes import Attribute, flag
from playground.operators._float_rows import scaled_and_shifted
from playground.operators._floats import float_input, floats_only
from playground.operators._normalized import of_channels
from playground.operators._operator import Form, Operator, Scales, Takes
from playground.operators._upgrades import Older, stated, without
from playground.programs.call import Array, Call
from playground.programs.planner import Deferred, Planner, Symbol


def run(call: Call, x: Array, *parameters: Array) -> Array | tuple[Array, ...]:
    """Scale and bias a channel, after the given mean and variance of each channel have been taken away.

    In training mode they are those of x itself, and what is given becomes their running mean: two more outputs.

    Args:
        call: ``epsilon``, ``momentum``, ``training_mode``.
        x: (batch, channels, *spatial).
        parameters: scale, bias, mean, variance, each one number a channel.

    Raises:
        UnsupportedError: outputs of training as they were before operator set 14.
    """
    training = bool(call.get("training_mode"))
    if call.outputs > (3 if training else 1):
        raise UnsupportedError(
            "BatchNormalization with the outputs of training is not supported", hint="Export the model for inference"
        )
    scale, bias, mean, variance = of_channels(x, *parameters)
    running: tuple[Array, ...] = ()
    if training:
        keeps = mean.dtype.type(call.get("momentum"))
        axes = (0, *range(2, x.ndim))
        own = x.mean(axis=axes, keepdims=True)[0], x.var(axis=axes, keepdims=True)[0]
        running = tuple(np.reshape(a * keeps + b * (1 - keeps), -1) for a, b in zip((mean, variance), own, strict=True))
        mean, variance = own
    factor = scale / np.sqrt(variance + variance.dtype.type(call.get("epsilon")))
    y = np.asarray(x * factor + (bias - mean * factor))
    return (y, *running)[: call.outputs] if call.outputs > 1 else y


@floats_only
def plan(planner: Planner, node: Node) -> Symbol:
    """A factor and a summand for each channel of floats, constants; behind a product they are a part of it."""
    if node.attributes["training_mode"] or any(node.outputs[1:]):
        raise UnsupportedError("the outputs of training are not supported")
    scale, bias, mean, variance = (planner.known(name, "parameter").astype(np.float32) for name in node.inputs[1:])
    factor = scale / np.sqrt(variance + np.float32(node.attributes["epsilon"]))
    shape = (-1, *(1,) * (len(planner.shape(node.inputs[0])) - 2))
    product = planner.symbol(node.inputs[0])
    fits = isinstance(product, Deferred) and product.axis % len(product.shape) == 1 and np.isfinite(factor).all()
    if isinstance(product, Deferred) and fits and product.by_column:
        scaled = product.by_column(factor.reshape(shape))
        return scaled.plus((bias - mean * factor).reshape(shape)) if scaled.plus else scaled
    value = float_input(planner, node.inputs[0])
    parameters = [
        planner.constant(f"{node.outputs[0]}:{name}", array.reshape(shape))
        for name, array in (("factor", factor), ("summand", bias - mean * factor))
    ]
    return scaled_and_shifted(planner, value, parameters, node.outputs[0])


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
    plan=plan,
)
