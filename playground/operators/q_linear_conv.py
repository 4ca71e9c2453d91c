"""QLinearConv: a convolution of codes, rounded to codes."""

from __future__ import annotations

from playground.model.graph import Node
from playground.operators import conv_integer
from playground.operators._integers import requantized
from playground.operators._operator import Operator, Scales
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


OPERATOR = Operator(
    name="QLinearConv", run=run, attributes=conv_integer.OPERATOR.attributes, scales=Scales.CODES, expand=expand
)
