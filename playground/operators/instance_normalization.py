"""InstanceNormalization: each channel of each sample brought to mean 0 and variance 1."""

from __future__ import annotations

from playground.model.graph import Node
from playground.operators._attributes import Attribute
from playground.operators._elementwise import wide
from playground.operators._float_rows import by_channel, normalized_rows
from playground.operators._floats import float_input, floats_only
from playground.operators._normalized import normalized, of_channels
from playground.operators._operator import Form, Operator, Scales, Takes
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array, scale: Array, bias: Array) -> Array:
    """Mean 0 and variance 1 over the spatial axes, then scale and bias, each one number a channel."""
    factor, shift = of_channels(x, scale, bias)
    made = normalized(call, wide(x), tuple(range(2, x.ndim)))
    return (made * factor + shift).astype(x.dtype, copy=False)


@floats_only
def plan(planner: Planner, node: Node) -> Symbol:
    """Rows of floats, times one number a channel and plus another."""
    value = float_input(planner, node.inputs[0])
    parameters = [by_channel(planner, name, planner.values[value].shape) for name in node.inputs[1:]]
    return normalized_rows(planner, value, parameters, node.outputs[0], axis=2, epsilon=node.attributes["epsilon"])


OPERATOR = Operator(
    name="InstanceNormalization",
    run=run,
    ranks=(3, 5),
    takes=(Takes.VALUES, Takes.PARAMETER),
    attributes=(Attribute("epsilon", "float", 1e-5, low=0),),
    data=(0,),
    bias=2,
    scales=Scales.NORMALIZATION,
    forms=Form.NAMED,
    rank=as_input,
    plan=plan,
)
