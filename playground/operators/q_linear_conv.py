"""QLinearConv: a convolution of codes, rounded to codes."""

from __future__ import annotations

import math

from playground.model.graph import Node
from playground.operators import conv_integer
from playground.operators._integers import requantized
from playground.operators._operator import Operator, Scales, Shapes, Trait
from playground.operators._qdq import Expansion
from playground.programs import integer_ops as ops
from playground.programs.call import Array, Call


def run(call: Call, *inputs: Array) -> Array:
    """ConvInteger plus an int32 bias, scaled by ``x_scale * w_scale / y_scale`` and rounded to y's codes."""
    x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, *bias = inputs
    sums = conv_integer.run(call, x, w, x_zero, w_zero)
    channels = (-1, *(1,) * (x.ndim - 2))
    if bias and bias[0] is not None:
        sums = ops.add_bias(sums, bias[0].reshape(channels))
    return requantized(sums, (x_scale * w_scale.reshape(channels)) / y_scale, y_zero)


def expand(made: Expansion, node: Node) -> None:
    """Conv of what the codes stand for, then QuantizeLinear."""
    inputs = [made.real(node, 0), made.real(node, 3, 0)]
    if len(node.inputs) > 8 and node.inputs[8]:
        inputs.append(made.bias(node, 8, (node.inputs[1], node.inputs[4])))
    made.operator("Conv", node, inputs, 6)


def cost(node: Node, shapes: Shapes) -> int:
    """A multiply-add for each output and each weight of its filter."""
    return math.prod(shapes[node.outputs[0]]) * math.prod(shapes[node.inputs[3]][1:])


OPERATOR = Operator(
    name="QLinearConv",
    run=run,
    attributes=conv_integer.OPERATOR.attributes,
    scales=Scales.CODES,
    traits=Trait.QUANTIZED,
    expand=expand,
    cost=cost,
)
