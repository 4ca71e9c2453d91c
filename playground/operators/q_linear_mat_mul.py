"""QLinearMatMul: a product of codes, rounded to codes."""

from __future__ import annotations

from playground.model.graph import Node
from playground.operators import mat_mul, mat_mul_integer
from playground.operators._integers import requantized
from playground.operators._operator import Operator, Scales, Trait
from playground.operators._qdq import Expansion
from playground.programs.call import Array, Call


def run(call: Call, *inputs: Array) -> Array:
    """MatMulInteger, scaled by ``a_scale * b_scale / y_scale`` (in that order) and rounded to y's codes."""
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = inputs
    sums = mat_mul_integer.run(call, a, b, a_zero, b_zero)
    rows = a_scale[..., None] if a_scale.ndim == 1 and a_scale.size > 1 else a_scale
    return requantized(sums, rows * b_scale / y_scale, y_zero)


def expand(made: Expansion, node: Node) -> None:
    """MatMul of what the codes stand for, then QuantizeLinear."""
    made.operator("MatMul", node, (made.real(node, 0, -2), made.real(node, 3, -1)), 6)


OPERATOR = Operator(
    name="QLinearMatMul", run=run, scales=Scales.CODES, traits=Trait.QUANTIZED, expand=expand, cost=mat_mul.cost
)
