"""MatMulInteger: the int32 sums of a product of codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Node
from playground.operators import mat_mul
from playground.operators._dynamic import codes_of
from playground.operators._integers import zero_point
from playground.operators._operator import Operator, Scales, Trait
from playground.operators._products import Weights, dynamic_sums, integers_of, matrix_of, product_by, sums_of
from playground.operators.mat_mul import pair_product
from playground.programs import integer_ops as ops
from playground.programs.call import Array, Call
from playground.programs.planner import Codes, Constant, Dequantized, Dynamic, Planner


def run(call: Call, a: Array, b: Array, a_zero: Array | None = None, b_zero: Array | None = None) -> Array:
    """int32 sums of products of offsets; a's zero-point is a number or one a row, b's a number or one a column."""
    mat_mul.require_room(call, a, b)
    rows = zero_point(a_zero)
    return ops.matmul_integer(a, b, rows[..., None] if rows.ndim == 1 else rows, zero_point(b_zero))


def plan(planner: Planner, node: Node) -> Codes | Dynamic:
    """The sums themselves."""
    codes = codes_of(planner, node, 0, 2)
    if codes is not None:
        weights = matrix_of(planner, node)
        x = Dequantized(codes.value, np.float32(1), 0)
        return dynamic_sums(product_by(planner, x, weights, _no_bias(weights)), node, codes, weights, axis=-1)
    a = integers_of(planner, node, 0, 2)
    if isinstance(planner.symbol(node.inputs[1]), Constant) and len(planner.shape(node.inputs[1])) == 2:
        weights = matrix_of(planner, node)
        return sums_of(product_by(planner, a, weights, _no_bias(weights)), node)
    return sums_of(pair_product(planner, a, integers_of(planner, node, 1, 3)), node)


def _no_bias(weights: Weights) -> NDArray[np.int32]:
    return np.zeros(weights.scale.size, np.int32)


OPERATOR = Operator(
    name="MatMulInteger",
    run=run,
    scales=Scales.CODES,
    traits=Trait.QUANTIZED | Trait.TAKES_DYNAMIC,
    plan=plan,
    cost=mat_mul.cost,
)
