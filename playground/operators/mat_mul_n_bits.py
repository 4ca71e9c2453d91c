"""MatMulNBits of ONNX Runtime: a product with weights in few bits, in blocks of one scale each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from playground import host
from playground.errors import InvalidInputError, UnsupportedError
from playground.host.kernel import POSITIVE, Kernel, Touched, Words, fixed, floats, octets
from playground.model.graph import Node
from playground.operators._attributes import Attribute
from playground.operators._operator import Operator, Shapes, Takes
from playground.operators._planning import refusing
from playground.programs.block_ops import GROUP, block_product, codebook_planes, grouped, quantize_blocks
from playground.programs.call import Array, Call
from playground.programs.fast_products import product


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
        "codebook": fixed(32),
        "out": floats("rows", "columns"),
    },
    ranges={"block": POSITIVE},
    rules=(_whole_groups,),
    optional=frozenset({"points"}),
)
GEMV_4BIT = Kernel(
    "k_gemv_4bit",
    {
        "x": floats("rows", "depth"),
        "codes": _packed,
        "scale": lambda w: 4 * w["columns"] * (w["depth"] // GROUP),
        "codebook": fixed(64),
        "out": floats("rows", "columns"),
    },
    rules=(_whole_groups,),
)

KERNEL_BLOCK = GROUP
"""Values that share a scale in ``k_gemv_4bit``."""
_KERNEL_BITS = 4
_INT8_LEVEL = 4  # of accuracy_level


def run(call: Call, x: Array, octets: Array, scales: Array, *more: Array | None) -> Array:
    """``x @ dequantized(weights).T + bias``.

    Args:
        call: ``K`` (depth), ``N`` (columns), ``bits`` (2, 4 or 8; 4 if not said), ``block_size``, ``accuracy_level``
            (at 4 activations become int8 with a scale per block, for 4 bits in blocks of a multiple of 32).
        x: float32 (..., K).
        octets: uint8 (N, blocks, block_size * bits / 8), the first of neighbours in the lowest bits.
        scales: one a block, of N * blocks.
        more: zero-points, packed likewise (each column starts a new octet) or as numbers, 2^(bits - 1) if none are
            given; indices of groups, which are not supported; the bias, (N,).

    Raises:
        UnsupportedError: another width, or indices of groups.
        InvalidInputError: sizes that contradict each other.
    """
    points, groups, bias = (*more, None, None, None)[:3]
    depth, columns, bits, block = map(call.get, ("K", "N", "bits", "block_size"))
    if bits not in (2, 4, 8) or groups is not None:
        raise UnsupportedError(
            "only 2, 4 and 8 bits without indices of groups are supported", hint="Use engine='onnxruntime'"
        )
    blocks = -(-depth // block)
    if x.shape[-1] != depth or octets.size * 8 != columns * blocks * block * bits or scales.size != columns * blocks:
        raise InvalidInputError(
            f"values {list(x.shape)}, weights {list(octets.shape)} and K {depth}, N {columns} do not match",
            hint="Give values of K columns, and weights and scales for N columns",
        )
    rows, scales = x.reshape(-1, depth), scales.reshape(columns, blocks)
    if takes_integers(call, x, points):
        weights = integer_weights(octets.reshape(columns, blocks, -1), scales, points)
        y = integer_product(np.pad(rows, [(0, 0), (0, blocks * block - depth)]), weights)
        return (y if bias is None else y + bias).reshape(*x.shape[:-1], columns)
    fits = bits == _KERNEL_BITS and block == KERNEL_BLOCK and depth % block == 0 and x.dtype == np.float32
    if host.numpy_is_slow() and fits and points is None:
        y = kernel_product(rows, octets.reshape(columns, blocks, -1), scales)
    else:
        y = product(rows, _decoded(octets.reshape(columns, -1), scales, points, bits)[:, :depth].T)
    return (y if bias is None else y + bias).reshape(*x.shape[:-1], columns)


def takes_integers(call: Call, x: Array, points: Array | None) -> bool:
    """Whether activations become int8 first: where the graph allows that, and for weights the kernel can hold."""
    bits, block = call.get("bits"), call.get("block_size")
    codes = points is None or points.dtype == np.uint8
    allowed = call.get("accuracy_level") == _INT8_LEVEL and x.dtype == np.float32
    return bool(allowed and codes and bits == _KERNEL_BITS and block % KERNEL_BLOCK == 0)


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
    def codebook(self) -> Array:
        """What the 16 codes stand for, int16."""
        return np.arange(16, dtype=np.int16) - np.int16(0 if self.points is not None else 8)


def integer_weights(octets: Array, scales: Array, points: Array | None) -> IntegerWeights:
    """MatMulNBits' weights: octets (columns, blocks, block / 2), scales (columns, blocks), points packed or None."""
    columns, blocks = scales.shape
    codes = _unpacked(octets.reshape(columns, -1), _KERNEL_BITS)
    if points is not None:
        points = _unpacked(points.reshape(columns, -1), _KERNEL_BITS)[:, :blocks].astype(np.int16)
    return IntegerWeights(codes, np.ascontiguousarray(scales, np.float32), points)


def integer_product(rows: Array, weights: IntegerWeights) -> Array:
    """``rows`` brought to int8 by blocks, times the weights; the kernels and NumPy give the same bits.

    Args:
        rows: float32 (rows, depth), filled up to whole blocks.
        weights: of the same depth.
    """
    block = weights.codes.shape[1] // weights.scale.shape[1]
    if host.numpy_is_slow():
        return _integer_kernels(rows, weights, block)
    values = weights.codebook[weights.codes]
    if weights.points is not None:
        values = values - np.repeat(weights.points, block, axis=1)
    return block_product(*quantize_blocks(rows, block), values, weights.scale)


def _integer_kernels(rows: Array, weights: IntegerWeights, block: int) -> Array:
    kernels, (count, depth), columns = host.kernels(), rows.shape, weights.codes.shape[0]
    x, octets, scale = (kernels.resident(array) for array in (rows, grouped(weights.codes), weights.scale))
    points = None if weights.points is None else kernels.resident(weights.points)
    codes, x_scale = kernels.empty((count, depth), np.int8), kernels.empty((count, depth // block), np.float32)
    planes, out = kernels.resident(codebook_planes(weights.codebook)), kernels.empty((count, columns), np.float32)
    shape = {"rows": count, "depth": depth, "block": block}
    kernels.call(QUANTIZE_BLOCKS, x=x, **shape, scale=x_scale, codes=codes)
    given = {"codes": octets, "scale": scale, "points": points, "codebook": planes, "columns": columns}
    kernels.call(GEMV_4BIT_INTEGER, x=codes, x_scale=x_scale, **shape, **given, out=out)
    return np.asarray(out)


def kernel_product(rows: Array, octets: Array, scales: Array) -> Array:
    """The product by ``k_gemv_4bit``, which decodes weights in registers; its C file states the order of the sums.

    Args:
        rows: float32 (rows, depth).
        octets: uint8 (columns, blocks of 32, 16); codes stand for -8 .. 7.
        scales: float32 (columns, blocks).
    """
    kernels, (count, depth), columns = host.kernels(), rows.shape, octets.shape[0]
    even, odd = octets & 15, octets >> 4
    codes = np.stack([even, odd], axis=-1).reshape(columns, -1, 2, KERNEL_BLOCK // 2)
    halves = codes[:, :, 0] | codes[:, :, 1] << 4
    book = np.arange(-8, 8, dtype=np.float32).view(np.uint8).reshape(16, 4).T
    x, packed, scale, planes = (kernels.resident(array) for array in (rows, halves, scales, np.ascontiguousarray(book)))
    out = kernels.empty((count, columns), np.float32)
    shape = {"rows": count, "depth": depth, "columns": columns}
    kernels.call(GEMV_4BIT, x=x, **shape, codes=packed, scale=scale, codebook=planes, out=out)
    return np.asarray(out)


def _unpacked(octets: Array, bits: int) -> Array:
    """Codes one a byte, from octets (columns, n): (columns, n * 8 / bits)."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return np.asarray(octets[..., None] >> shifts & (2**bits - 1)).reshape(octets.shape[0], -1)


def _decoded(octets: Array, scales: Array, points: Array | None, bits: int) -> Array:
    """The weights, (columns, blocks * block_size), in the scales' type."""
    columns, blocks = scales.shape
    codes = _unpacked(octets, bits).reshape(columns, blocks, -1).astype(scales.dtype)
    if points is None:
        offset = np.full((columns, blocks), 2 ** (bits - 1), scales.dtype)
    elif points.dtype == np.uint8:
        offset = _unpacked(points.reshape(columns, -1), bits)[:, :blocks].astype(scales.dtype)
    else:
        offset = points.reshape(columns, blocks)
    return np.asarray(((codes - offset[..., None]) * scales[..., None]).reshape(columns, -1))


def cost(node: Node, shapes: Shapes) -> int:
    """A multiply-add for each output and each place along the depth."""
    return math.prod(shapes[node.outputs[0]]) * shapes[node.inputs[0]][-1]


OPERATOR = Operator(
    name="MatMulNBits",
    takes=(Takes.VALUES, Takes.PARAMETER),
    domain="com.microsoft",
    run=run,
    attributes=(
        Attribute("K", "int", required=True, low=1),
        Attribute("N", "int", required=True, low=1),
        Attribute("accuracy_level", "int", 0, low=0),
        Attribute("bits", "int", 4, low=1, high=8),
        Attribute("block_size", "int", KERNEL_BLOCK, low=1),
    ),
    plan=refusing("the input is float32; the interpreter and ONNX Runtime run it"),
    cost=cost,
)
