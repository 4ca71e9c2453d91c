"""MatMul: by a constant matrix, or of two values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from playground.errors import InvalidInputError, UnsupportedError
from playground.host.kernel import ANY, Kernel, Words, floats
from playground.host.kernel import box as reach_of_box
from playground.model.graph import Node
from playground.operators._float_forms import either
from playground.operators._float_products import float_matrix, product_by_constant, product_of_values, repeated
from playground.operators._floats import float_input
from playground.operators._operator import Form, Operator, Scales, Shapes, Weight
from playground.operators._products import GEMM, product_by, weights_of
from playground.operators._ranks import ConstantOf, RankOf
from playground.programs import integer_ops as ops
from playground.programs.call import Array, Call
from playground.programs.fast_products import product
from playground.programs.integer_ops import Target
from playground.programs.kernel_parts import padded
from playground.programs.lowering import NOTHING_ADDED
from playground.programs.packing import STRIP, Values, packed_bytes
from playground.programs.planner import Constant, ConstantDequantized, Deferred, Dequantized, Planner, Symbol
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


def run(call: Call, a: Array, b: Array) -> Array:
    """NumPy's matmul, which is ONNX's."""
    require_room(call, a, b)
    if a.ndim > 1 and b.ndim == 2:
        return product(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[1])
    return np.asarray(np.matmul(np.ascontiguousarray(a), np.ascontiguousarray(b)))  # turned ones would be slow


def require_room(call: Call, a: Array, b: Array) -> None:
    """Raise UnsupportedError if a product, whose leading axes broadcast, is too large."""
    if min(a.ndim, b.ndim) < 1:
        raise InvalidInputError("a single number has no matrix product", hint="Give an axis to each input")
    columns = b.shape[-1] if b.ndim > 1 else 1
    shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), *a.shape[-2:-1], columns)
    call.room.value(shape, np.result_type(a, b))
    call.room.work(math.prod(shape) * a.shape[-1])


def _matrix_codes(w: Words) -> tuple[int, int]:
    """Every matrix begins depth * columns codes after the one before."""
    sizes, strides = (w["depth"], w["columns"]), (w["depth_stride"], w["column_stride"])
    return reach_of_box((w["matrices"], *sizes), (math.prod(sizes), *strides))


def _packed(w: Words) -> int:
    return int(w["matrices"] * packed_bytes(w["depth"], w["columns"], w["dot"]))


def _padded_columns(w: Words) -> int:
    return int(w["matrices"] * padded(w, "columns"))


PACK_WEIGHTS = Kernel(
    "k_pack_weights",
    {
        "codes": _matrix_codes,
        "zero_point": floats("matrices", "columns"),
        "bias": floats("columns"),
        "packed": _packed,
        "folded": _padded_columns,
        "shift": _padded_columns,
    },
    ranges={"is_signed": range(2), "depth_stride": ANY, "column_stride": ANY, "value_zero_point": ANY},
)


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

    def lower(self, to: Lowering) -> None:
        """ActivationMatMul: the right matrices are packed as weights are, but while the program runs."""
        out_shape, right = to.values[self.output].shape, to.values[self.inputs[1]].shape[:-2]
        batch, (rows, columns) = out_shape[:-2], out_shape[-2:]
        depth = to.values[self.inputs[0]].shape[-1]
        matrices = 1 if math.prod(right) == 1 else math.prod(batch)
        a = repeated(self.inputs[0], batch, to)
        b = to.row(self.inputs[1]) if matrices == 1 else repeated(self.inputs[1], batch, to)
        values = Values(to.is_signed(self.inputs[0]), self.zero_points[0], to.dot)
        strip = -(-columns // STRIP) * STRIP
        weights = to.buffer(matrices * packed_bytes(depth, columns, to.dot))
        folded, shift = to.buffer(4 * matrices * strip), to.buffer(4 * matrices * strip)
        to.call(
            PACK_WEIGHTS,
            codes=b,
            is_signed=to.is_signed(self.inputs[1]),
            zero_point=to.constant(np.full(matrices * columns, self.zero_points[1], np.int32)),
            **{"matrices": matrices, "depth": depth, "columns": columns, "depth_stride": columns, "column_stride": 1},
            value_zero_point=values.shifted_zero_point,
            bias=to.constant(np.zeros(columns, np.int32)),
            **{"packed": weights, "folded": folded, "shift": shift},
        )
        multiplier = to.constant(np.full(strip, self.multiplier, np.float32))
        out = to.epilogue(self.to, to.new(self.output))
        given = {
            "weights": weights,
            "bias": folded,
            "shift": shift,
            "multiplier": multiplier,
            **NOTHING_ADDED,
            "columns": columns,
            "to": out,
        }
        counts = {"batch": math.prod(batch), "rows": rows, "depth": depth, "matrices": matrices}
        scratch = to.buffer(values.scratch_bytes(depth))
        to.call(GEMM, codes=a, **counts, source=values.source, product=given, scratch=scratch)


def _plan_integers(planner: Planner, node: Node) -> Deferred:
    """MatMul of codes by a constant matrix, or of two values of codes."""
    right = planner.symbol(node.inputs[1])
    if not isinstance(right, (Constant, ConstantDequantized)) or len(planner.shape(node.inputs[1])) != 2:
        return pair_product(planner, *(planner.codes(name) for name in node.inputs))
    x = planner.real(node.inputs[0])
    weights = weights_of(planner, node.inputs[1], channel_axis=1)
    return product_by(planner, x, weights, np.zeros(weights.scale.size, np.int32))


def _plan_floats(planner: Planner, node: Node) -> Symbol:
    """MatMul of float32."""
    left, right = node.inputs
    weights = float_matrix(planner, right)
    if weights is None:
        a, b = (float_input(planner, name) for name in node.inputs)
        return product_of_values(planner, a, b)
    return product_by_constant(planner, left, weights)


def pair_product(planner: Planner, a: Dequantized, b: Dequantized) -> Deferred:
    """The matrix product of two values of codes."""
    left, right = planner.values[a.value].shape, planner.values[b.value].shape
    if min(len(left), len(right)) < 2 or left[-1] != right[-2]:
        raise UnsupportedError(f"a product of shapes {left} and {right} is not supported")
    out_shape = (*np.broadcast_shapes(left[:-2], right[:-2]), left[-2], right[-1])
    planner.room.work(math.prod(out_shape) * left[-1])

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        multiplier = np.float32(a.scale * b.scale / scale)
        step = ActivationMatMul((a.value, b.value), output, (a.zero_point, b.zero_point), multiplier, to)
        planner.emit(step, out_shape, to.dtype)

    return Deferred(out_shape, emit)


def cost(node: Node, shapes: Shapes) -> int:
    """A multiply-add for each output and each place along the depth."""
    return math.prod(shapes[node.outputs[0]]) * shapes[node.inputs[0]][-1]


def _rank(node: Node, rank: RankOf, known: ConstantOf) -> int | None:
    one, other = rank(node.inputs[0]), rank(node.inputs[1])
    return None if one is None or other is None else max(one, other) - (one == 1) - (other == 1)


OPERATOR = Operator(
    name="MatMul",
    ranks=(1, 6),
    run=run,
    weights=(Weight(0, lambda node, rank: None), Weight(1, lambda node, rank: rank - 1 if rank > 1 else None)),
    scales=Scales.PRODUCT,
    forms=Form.DEFAULT | Form.DYNAMIC | Form.WEIGHT_ONLY,
    rank=_rank,
    plan=either(_plan_integers, _plan_floats),
    cost=cost,
)
