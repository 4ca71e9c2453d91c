"""Products with weights of 4 bits in blocks: kernels, how they take weights, and steps of programs."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from playground.host.kernel import POSITIVE, Kernel, Touched, Words, fixed, floats, octets
from playground.programs.block_ops import (
    GROUP,
    block_product,
    codebook_planes,
    float_block_product,
    grouped,
    quantize_blocks,
)
from playground.programs.call import Array
from playground.programs.packing import PackedCodes
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Given, Lowering

KERNEL_BITS = 4


def _blocks(outer: str, each: int = 4) -> Touched:
    """``each`` bytes for every block of so many rows or columns."""
    return lambda w: each * int(w[outer]) * (int(w["depth"]) // int(w["block"]))


def _packed(w: Words) -> int:
    return int(w["columns"]) * int(w["depth"]) // 2


def _whole_groups(w: Words) -> str | None:
    depth, block = w["depth"], w.get("block", GROUP)
    fits = block % GROUP == 0 and depth % block == 0
    return None if fits else f"a depth of {depth} in blocks of {block} is not made of whole groups of {GROUP}"


QUANTIZE_BLOCKS = Kernel(
    "k_quantize_blocks",
    {"x": floats("rows", "depth"), "scale": _blocks("rows"), "codes": octets("rows", "depth")},
    ranges={"block": POSITIVE},
    rules=(_whole_groups,),
)
GEMV_4BIT_INTEGER = Kernel(
    "k_gemv_4bit_s8",
    {
        "x": octets("rows", "depth"),
        "x_scale": _blocks("rows"),
        "codes": _packed,
        "scale": _blocks("columns"),
        "points": _blocks("columns", each=2),
        "bias": floats("columns"),
        "codebook": fixed(32),
        "out": floats("rows", "columns"),
    },
    ranges={"block": POSITIVE},
    rules=(_whole_groups,),
    optional=frozenset({"points", "bias"}),
)
GEMV_4BIT = Kernel(
    "k_gemv_4bit",
    {
        "x": floats("rows", "depth"),
        "codes": _packed,
        "scale": lambda w: 4 * w["columns"] * (w["depth"] // GROUP),
        "codebook": fixed(64),
        "bias": floats("columns"),
        "out": floats("rows", "columns"),
    },
    rules=(_whole_groups,),
    optional=frozenset({"bias"}),
)


def unpacked(octets: Array, bits: int) -> Array:
    """Codes one a byte, from octets (columns, n): (columns, n * 8 / bits)."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return np.asarray(octets[..., None] >> shifts & (2**bits - 1)).reshape(octets.shape[0], -1)


@dataclass(frozen=True, slots=True, eq=False)
class IntegerWeights:
    """Weights as ``k_gemv_4bit_s8`` takes them.

    Attributes:
        codes: uint8 (columns, depth), depth filled up to whole blocks.
        scale: float32 (columns, blocks).
        points: int16 (columns, blocks), or None: the codes stand for -8 .. 7 then, else for 0 .. 15 less these.
    """

    codes: Array
    scale: Array
    points: Array | None

    @property
    def block(self) -> int:
        """Values that share a scale."""
        return int(self.codes.shape[1] // self.scale.shape[1])

    @property
    def values(self) -> Array:
        """What the codes stand for in steps of their scale, int16 (columns, depth)."""
        values = self.codebook[self.codes]
        return values if self.points is None else values - np.repeat(self.points, self.block, axis=1)

    @property
    def codebook(self) -> Array:
        """What the 16 codes stand for, int16."""
        return np.arange(16, dtype=np.int16) - np.int16(0 if self.points is not None else 8)


def integer_weights(octets: Array, scales: Array, points: Array | None) -> IntegerWeights:
    """MatMulNBits' weights: octets (columns, blocks, block / 2), scales (columns, blocks), points packed or None."""
    columns, blocks = scales.shape
    codes = unpacked(octets.reshape(columns, -1), KERNEL_BITS)
    if points is not None:
        points = unpacked(points.reshape(columns, -1), KERNEL_BITS)[:, :blocks].astype(np.int16)
    return IntegerWeights(codes, np.ascontiguousarray(scales, np.float32), points)


def float_codebook() -> NDArray[np.uint8]:
    """What the 16 codes stand for, -8 .. 7, as ``k_gemv_4bit`` takes it: (4, 16), first octets first."""
    return np.ascontiguousarray(np.arange(-8, 8, dtype=np.float32).view(np.uint8).reshape(16, 4).T)


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks(Step):
    """Rows (..., depth) of float32 times weights of 4 bits, plus a bias.

    Attributes:
        weights: their codes and scales.
        bias: float32 (columns,), or None.
    """

    weights: IntegerWeights
    bias: NDArray[np.float32] | None

    is_product: ClassVar[bool] = True

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The sums of all rows, and the bias."""
        made = self.sums(inputs[0].reshape(-1, inputs[0].shape[-1]))
        return (made if self.bias is None else made + self.bias).reshape(out.shape)

    @abstractmethod
    def sums(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (rows, columns), without the bias."""

    def counts(self, to: Lowering) -> dict[str, int]:
        """The kernels' sizes."""
        *outer, depth = to.values[self.inputs[0]].shape
        return {"rows": math.prod(outer), "depth": depth, "columns": self.weights.codes.shape[0]}

    def given(self, to: Lowering) -> Given:
        """The kernels' weights and bias."""
        weights, bias = self.weights, self.bias
        packed = to.packed(lambda: PackedCodes(grouped(weights.codes)), (weights.codes,), "4 bits")
        return {
            "codes": to.placed(packed.weights),
            "scale": to.constant(weights.scale),
            "bias": None if bias is None else to.constant(bias),
        }


@dataclass(frozen=True, slots=True, eq=False)
class BlockProduct(_Blocks):
    """The weights, in blocks of 32 and without points, are decoded on the way."""

    def sums(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sums block by block."""
        book = self.weights.codebook.astype(np.float32)
        return float_block_product(rows, book[self.weights.codes], self.weights.scale)

    def lower(self, to: Lowering) -> None:
        """BlockProduct."""
        (name,) = self.inputs
        out = to.new(self.output)
        given = {**self.counts(to), **self.given(to)}
        to.call(GEMV_4BIT, x=to.row(name), **given, codebook=to.constant(float_codebook()), out=out)


@dataclass(frozen=True, slots=True, eq=False)
class IntegerBlockProduct(_Blocks):
    """The rows are brought to int8 with a scale a block; the weights are of whole blocks."""

    def sums(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Exact sums within a block."""
        return block_product(*quantize_blocks(rows, self.weights.block), self.weights.values, self.weights.scale)

    def lower(self, to: Lowering) -> None:
        """IntegerBlockProduct: codes of the rows, then the product."""
        (name,) = self.inputs
        counts, out, weights = self.counts(to), to.new(self.output), self.weights
        shape = {"rows": counts["rows"], "depth": counts["depth"], "block": weights.block}
        codes = to.buffer(shape["rows"] * shape["depth"])
        scale = to.buffer(4 * shape["rows"] * shape["depth"] // weights.block)
        to.call(QUANTIZE_BLOCKS, x=to.row(name), **shape, scale=scale, codes=codes)
        to.call(
            GEMV_4BIT_INTEGER,
            **{"x": codes, "x_scale": scale, "block": weights.block, **counts, **self.given(to)},
            points=None if weights.points is None else to.constant(weights.points),
            codebook=to.constant(codebook_planes(weights.codebook)),
            out=out,
        )
