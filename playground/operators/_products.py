"""Products by constant weights: their step, weights and biases in integers, what they cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.host.kernel import Kernel, Words, octets
from playground.model.graph import Node
from playground.programs import integer_ops as ops
from playground.programs.call import Array
from playground.programs.float_products import padded_columns
from playground.programs.integer_ops import Target
from playground.programs.kernel_parts import epilogue, product, rows_scratch, source
from playground.programs.kernel_program import Buffer
from playground.programs.packing import Values, pack
from playground.programs.planner import Codes, Constant, ConstantDequantized, Deferred, Dequantized, Dynamic, Planner
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Given, Lowering


def _depth(w: Words) -> int:
    return int(w["depth"])


def _matrices(w: Words) -> int:
    """What k_gemm_s8 takes: one for each of the batch, or one for all."""
    return 1 if w["matrices"] == 1 else int(w["batch"])


GEMM = Kernel(
    "k_gemm_s8",
    {"codes": octets("batch", "rows", "depth"), "scratch": rows_scratch(_depth)},
    parts=(
        source(),
        product(_matrices, _depth, lambda _: 1),
        epilogue("batch", "rows", "product.columns", at="product.to"),
    ),
)


def rows_times(to: Lowering, x: Buffer, counts: dict[str, int], values: Values, weights: Given) -> None:
    """All rows of ``x`` times one matrix."""
    scratch = to.buffer(values.scratch_bytes(counts["depth"]))
    to.call(GEMM, codes=x, batch=1, matrices=1, **counts, source=values.source, product=weights, scratch=scratch)


@dataclass(frozen=True, slots=True, eq=False)
class AddedRow:
    """A row that is added to the codes of a product, as an addition of codes behind it would.

    Attributes:
        row: float32 (N,), in steps of the result.
        ratio: the codes' scale over that of the result.
        to: what the sum becomes.
    """

    row: NDArray[np.float32]
    ratio: np.float32
    to: Target

    def finish(self, codes: Array, before: Target) -> Array:
        """The sum: ``float32(code - zero_point) * ratio + row`` through ``to``."""
        offsets = (codes.astype(np.int32) - before.zero_point).astype(np.float32)
        return self.to.finish(offsets * self.ratio + self.row)

    def given(self, to: Lowering, before: Target) -> Given:
        """What ``struct product`` says of it."""
        added = to.constant(padded_columns(self.row))
        return {"added": added, "ratio": self.ratio, "inner_lo": before.lo, "inner_hi": before.hi}


@dataclass(frozen=True, slots=True, eq=False)
class Product(Step):
    """Rows of codes (..., K) times constant weights, plus bias.

    Attributes:
        x_zero_point: of the input.
        weights: int16 (K, N), zero-points taken off.
        bias: int32 (N,).
        multiplier: float32 (N,).
        to: what the sums become.
        added: what is added to these codes.
    """

    x_zero_point: int
    weights: NDArray[np.int16]
    bias: NDArray[np.int32]
    multiplier: NDArray[np.float32]
    to: Target
    added: AddedRow | None = None

    is_product: ClassVar[bool] = True

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """Exact sums, rounded."""
        sums = ops.matmul_integer(inputs[0], self.weights, self.x_zero_point)
        codes = ops.requantize(ops.add_bias(sums, self.bias), self.multiplier, self.to)
        return codes if self.added is None else self.added.finish(codes, self.to)

    def lower(self, to: Lowering) -> None:
        """Product: rows times weights."""
        (name,) = self.inputs
        x, values = to.row(name), Values(to.is_signed(name), self.x_zero_point, to.dot)
        depth, columns = self.weights.shape
        out = to.epilogue(self.added.to if self.added else self.to, to.new(self.output))
        added = self.added.given(to, self.to) if self.added else None
        packed = to.packed(
            lambda: pack(self.weights[None], self.bias, self.multiplier, values),
            *((self.weights, self.bias, self.multiplier), "product", values),
        )
        counts = {"rows": math.prod(to.values[name].shape[:-1]), "depth": depth}
        rows_times(to, x, counts, values, to.product(packed, columns, out, added))


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Offsets (codes less zero-points) as int16 and one float32 scale per output channel."""

    offsets: NDArray[np.int16]
    scale: NDArray[np.float32]


def weights_of(planner: Planner, name: str, channel_axis: int) -> Weights:
    """The offsets and scales of constant quantized weights."""
    symbol = planner.symbol(name)
    if not isinstance(symbol, ConstantDequantized):
        raise UnsupportedError("the weights are not quantized constants")
    if symbol.axis not in (None, channel_axis):
        raise UnsupportedError("the scales of the weights are not along the output channels")
    if not symbol.codes.size:
        raise UnsupportedError(f"weights of shape {symbol.codes.shape} are empty")
    offsets = symbol.codes.astype(np.int16) - symbol.zero_point.astype(np.int16)
    channels = symbol.codes.shape[channel_axis]
    scale = np.broadcast_to(symbol.scale.reshape(-1), (channels,))
    return Weights(offsets, np.ascontiguousarray(scale, np.float32))


def bias_of(planner: Planner, node: Node, x: Dequantized, weights: Weights) -> NDArray[np.int32]:
    """The bias in steps of ``x_scale * w_scale``: as stored if it is in those steps already, else rounded to them.

    A float bias is off by at most half a step then, far less than one code of the output.
    """
    channels = weights.scale.size
    if len(node.inputs) < 3 or not node.inputs[2]:
        return np.zeros(channels, np.int32)
    steps = x.scale * weights.scale
    symbol = planner.symbol(node.inputs[2])
    if isinstance(symbol, ConstantDequantized) and symbol.codes.dtype == np.int32 and not symbol.zero_point.any():
        stored = np.broadcast_to(symbol.scale.reshape(-1), (channels,)) if symbol.scale.size == 1 else symbol.scale
        if np.allclose(stored.reshape(-1), steps, rtol=1e-5, atol=0):
            return per_channel(symbol.codes, channels)
    return in_steps(per_channel(planner.known(node.inputs[2], "bias"), channels), steps)


def in_steps(real: NDArray[Any], steps: NDArray[np.float32], to: NDArray[np.int32] | int = 0) -> NDArray[np.int32]:
    """A real bias rounded to whole steps and added to another one; UnsupportedError if int32 cannot hold that."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        codes = np.where(real == 0, 0, np.rint(real / steps.astype(np.float64))) + to
    limits = np.iinfo(np.int32)
    if not ((codes >= limits.min) & (codes <= limits.max)).all():
        raise UnsupportedError("the bias does not fit into 32 bits in steps of input scale times weight scale")
    return codes.astype(np.int32)


def per_channel(bias: NDArray[Any], channels: int) -> NDArray[Any]:
    """A bias as one value for each output channel."""
    if bias.size not in (1, channels):
        raise UnsupportedError(f"a bias of shape {bias.shape} does not have one value per output channel")
    return np.ascontiguousarray(np.broadcast_to(bias.reshape(-1), (channels,)))


def product_by(planner: Planner, x: Dequantized, weights: Weights, bias: NDArray[np.int32]) -> Deferred:
    """Rows of codes times a constant matrix."""
    shape, matrix = planner.values[x.value].shape, weights.offsets
    if matrix.ndim != 2 or len(shape) < 2:
        raise UnsupportedError("only rows times a constant matrix are supported")
    if matrix.shape[0] != shape[-1]:
        raise UnsupportedError(f"a matrix of shape {matrix.shape} does not fit input {shape}")
    out_shape = (*shape[:-1], matrix.shape[1])
    planner.room.work(math.prod(shape) * matrix.shape[1])

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        multiplier = x.scale * weights.scale / scale
        planner.emit(Product((x.value,), output, x.zero_point, matrix, bias, multiplier, to), out_shape, to.dtype)

    def plus(real: NDArray[np.float32]) -> Deferred:
        return product_by(planner, x, weights, in_steps(per_channel(real, bias.size), x.scale * weights.scale, bias))

    return Deferred(out_shape, emit, plus=plus)


def sums_of(deferred: Deferred, node: Node) -> Codes:
    """The sums of a product as int32, under the name of the node's output."""
    deferred.emit(node.outputs[0], np.float32(1), ops.Target("int32"))
    return Codes(node.outputs[0])


def points_of(planner: Planner, node: Node, place: int) -> NDArray[Any]:
    """The zero-points that an input holds; 0 if there is none."""
    given = len(node.inputs) > place and node.inputs[place]
    return planner.known(node.inputs[place], "zero-point") if given else np.zeros((), np.int8)


def integers_of(planner: Planner, node: Node, place: int, point: int) -> Dequantized:
    """An input of codes with its zero-point, its scale being 1."""
    symbol, points = planner.symbol(node.inputs[place]), points_of(planner, node, point)
    if points.size != 1:
        raise UnsupportedError("a zero-point for each row is not supported")
    value = symbol.value if isinstance(symbol, Codes) else ""
    if isinstance(symbol, Constant):
        value = planner.constant(node.inputs[place], symbol.array)
    if not value or planner.values[value].dtype not in ("int8", "uint8"):
        raise UnsupportedError("the input is not 8-bit codes")
    return Dequantized(value, np.float32(1), int(points.reshape(-1)[0]))


def plain_weights(
    planner: Planner, node: Node, point: int, shaped: Callable[[NDArray[Any]], NDArray[Any]], channel_axis: int = 1
) -> Weights:
    """Weights whose codes and zero-points are inputs, their scale being 1."""
    codes, points = planner.known(node.inputs[1], "weights"), points_of(planner, node, point).astype(np.int16)
    if not codes.size:
        raise UnsupportedError(f"weights of shape {codes.shape} are empty")
    offsets = codes.astype(np.int16) - (points.reshape(()) if points.size == 1 else shaped(points))
    return Weights(offsets, np.ones(codes.shape[channel_axis], np.float32))


def matrix_of(planner: Planner, node: Node) -> Weights:
    """The weights of MatMulInteger."""
    return plain_weights(planner, node, 3, lambda points: points.reshape(1, -1))


def dynamic_sums(deferred: Deferred, node: Node, codes: Dynamic, weights: Weights, axis: int) -> Dynamic:
    """The sums of codes that keep their zero-point, columns along ``axis``, and what takes it off later."""
    sums = sums_of(deferred, node).value
    others = (1, 2, 3) if axis == 1 else 0
    column_sums = weights.offsets.sum(axis=others, dtype=np.int32)
    return Dynamic(sums, "sums", codes.found, column_sums=column_sums, axis=axis)
