"""MatMul: by a constant matrix, or of two values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._operator import Form, Operator, Scales, Shapes, Weight
from playground.operators._products import product_by, weights_of
from playground.programs import integer_ops as ops
from playground.programs.call import Array, Call
from playground.programs.fast_products import product
from playground.programs.integer_ops import Target
from playground.programs.planner import Constant, ConstantDequantized, Deferred, Dequantized, Planner
from playground.programs.program import Step, Value


def run(call: Call, a: Array, b: Array) -> Array:
    """NumPy's matmul, which is ONNX's."""
    if a.ndim > 1 and b.ndim == 2:
        return product(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[1])
    return np.asarray(np.matmul(np.ascontiguousarray(a), np.ascontiguousarray(b)))  # turned ones would be slow


@dataclass(frozen=True, slots=True, eq=False)
class ActivationMatMul(Step):
    """The matrix product of two values of codes, leading axes broadcast as in ``numpy.matmul``.

    Attributes:
        zero_points: of the two.
        multiplier: of the sums.
        to: what the sums become.
    """

    zero_points: tuple[int, int]
    multiplier: np.float32
    to: Target

    is_product: ClassVar[bool] = True

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """Exact sums, rounded."""
        sums = ops.matmul_integer(inputs[0], inputs[1], *self.zero_points)
        return ops.requantize(sums, self.multiplier, self.to)


def plan(planner: Planner, node: Node) -> Deferred:
    """MatMul by a constant matrix, or of two values."""
    right = planner.symbol(node.inputs[1])
    if not isinstance(right, (Constant, ConstantDequantized)) or len(planner.shape(node.inputs[1])) != 2:
        return pair_product(planner, *(planner.codes(name) for name in node.inputs))
    x = planner.real(node.inputs[0])
    weights = weights_of(planner, node.inputs[1], channel_axis=1)
    return product_by(planner, x, weights, np.zeros(weights.scale.size, np.int32))


def pair_product(planner: Planner, a: Dequantized, b: Dequantized) -> Deferred:
    """The matrix product of two values of codes."""
    left, right = planner.values[a.value].shape, planner.values[b.value].shape
    if min(len(left), len(right)) < 2 or left[-1] != right[-2]:
        raise UnsupportedError(f"a product of shapes {left} and {right} is not handled")
    out_shape = (*np.broadcast_shapes(left[:-2], right[:-2]), left[-2], right[-1])

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        multiplier = np.float32(a.scale * b.scale / scale)
        step = ActivationMatMul((a.value, b.value), output, (a.zero_point, b.zero_point), multiplier, to)
        planner.emit(step, out_shape, to.dtype)

    return Deferred(out_shape, emit)


def cost(node: Node, shapes: Shapes) -> int:
    """A multiply-add for each output and each place along the depth."""
    return math.prod(shapes[node.outputs[0]]) * shapes[node.inputs[0]][-1]


OPERATOR = Operator(
    name="MatMul",
    run=run,
    weights=(Weight(0, lambda node, rank: None), Weight(1, lambda node, rank: rank - 1 if rank > 1 else None)),
    scales=Scales.PRODUCT,
    forms=Form.DEFAULT | Form.DYNAMIC | Form.WEIGHT_ONLY,
    plan=plan,
    cost=cost,
)
