"""MatMulNBits of ONNX Runtime: a product with weights in few bits, in blocks of one scale each."""

from __future__ import annotations

import math

import numpy as np

from playground import host
from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Node
from playground.operators._attributes import Attribute
from playground.operators._block_products import (
    GEMV_4BIT,
    GEMV_4BIT_INTEGER,
    KERNEL_BITS,
    QUANTIZE_BLOCKS,
    BlockProduct,
    IntegerBlockProduct,
    IntegerWeights,
    float_codebook,
    integer_weights,
    unpacked,
)
from playground.operators._float_products import product_by_constant
from playground.operators._floats import float_input
from playground.operators._operator import Operator, Shapes, Takes
from playground.operators.pad import Pad
from playground.programs.block_ops import GROUP, block_product, codebook_planes, grouped, quantize_blocks
from playground.programs.call import Array, Call
from playground.programs.fast_products import product
from playground.programs.float_products import Finish
from playground.programs.planner import Codes, Planner, Symbol

KERNEL_BLOCK = GROUP
"""Values that share a scale in ``k_gemv_4bit``."""
_INT8_LEVEL = 4  # of accuracy_level
_FEW_ROWS = 8
"""With more, weights decoded to float32 once are faster than codes decoded for each row."""


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
    fits = bits == KERNEL_BITS and block == KERNEL_BLOCK and depth % block == 0 and x.dtype == np.float32
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
    return bool(allowed and codes and bits == KERNEL_BITS and block % KERNEL_BLOCK == 0)


def integer_product(rows: Array, weights: IntegerWeights) -> Array:
    """``rows`` brought to int8 by blocks, times the weights; the kernels and NumPy give the same bits.

    Args:
        rows: float32 (rows, depth), filled up to whole blocks.
        weights: of the same depth.
    """
    if host.numpy_is_slow():
        return _integer_kernels(rows, weights, weights.block)
    return block_product(*quantize_blocks(rows, weights.block), weights.values, weights.scale)


def _integer_kernels(rows: Array, weights: IntegerWeights, block: int) -> Array:
    kernels, (count, depth), columns = host.kernels(), rows.shape, weights.codes.shape[0]
    x, octets, scale = (kernels.resident(array) for array in (rows, grouped(weights.codes), weights.scale))
    points = None if weights.points is None else kernels.resident(weights.points)
    codes, x_scale = kernels.empty((count, depth), np.int8), kernels.empty((count, depth // block), np.float32)
    planes, out = kernels.resident(codebook_planes(weights.codebook)), kernels.empty((count, columns), np.float32)
    shape = {"rows": count, "depth": depth, "block": block}
    kernels.call(QUANTIZE_BLOCKS, x=x, **shape, scale=x_scale, codes=codes)
    given = {"codes": octets, "scale": scale, "points": points, "codebook": planes, "columns": columns, "bias": None}
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
    x, packed, scale, planes = (kernels.resident(array) for array in (rows, halves, scales, float_codebook()))
    out = kernels.empty((count, columns), np.float32)
    shape = {"rows": count, "depth": depth, "columns": columns}
    kernels.call(GEMV_4BIT, x=x, **shape, codes=packed, scale=scale, codebook=planes, bias=None, out=out)
    return np.asarray(out)


def _decoded(octets: Array, scales: Array, points: Array | None, bits: int) -> Array:
    """The weights, (columns, blocks * block_size), in the scales' type."""
    columns, blocks = scales.shape
    codes = unpacked(octets, bits).reshape(columns, blocks, -1).astype(scales.dtype)
    if points is None:
        offset = np.full((columns, blocks), 2 ** (bits - 1), scales.dtype)
    elif points.dtype == np.uint8:
        offset = unpacked(points.reshape(columns, -1), bits)[:, :blocks].astype(scales.dtype)
    else:
        offset = points.reshape(columns, blocks)
    return np.asarray(((codes - offset[..., None]) * scales[..., None]).reshape(columns, -1))


def matrix(node: Node, octets: Array, scales: Array, points: Array | None = None) -> Array:
    """What the codes of a node stand for, (K, N).

    Args:
        node: of this operator.
        octets: its codes.
        scales: one a block.
        points: zero-points, if it has some.

    Raises:
        InvalidInputError: sizes that contradict each other.
    """
    depth, columns, bits, block = (OPERATOR.get(node, name) for name in ("K", "N", "bits", "block_size"))
    blocks = -(-depth // block)
    if bits not in (2, 4, 8) or octets.size * 8 != columns * blocks * block * bits or scales.size != columns * blocks:
        raise InvalidInputError(
            f"weights {list(octets.shape)} of {bits} bits and K {depth}, N {columns} do not match",
            hint="Give weights and scales for N columns of K",
        )
    decoded = _decoded(octets.reshape(columns, -1), scales.reshape(columns, blocks), points, bits)
    return np.ascontiguousarray(decoded[:, :depth].T)


def plan(planner: Planner, node: Node) -> Symbol:
    """A product of float32 in a program: by codes of 4 bits, or by weights that are decoded when it is planned."""
    if not planner.floats:
        raise UnsupportedError("the input is float32; the interpreter and ONNX Runtime run it")
    x = float_input(planner, node.inputs[0])
    octets, scales, points, groups, bias = (
        planner.known(name, "weights") if name else None for name in (*node.inputs[1:], "", "", "")[:5]
    )
    if octets is None or scales is None or groups is not None:
        raise UnsupportedError("indices of groups are not supported")
    call = Call(node.attributes, room=planner.room)
    depth, columns, bits, block = map(call.get, ("K", "N", "bits", "block_size"))
    blocks, shape = -(-depth // block), planner.values[x].shape
    sizes = (shape[-1:], octets.size * 8, scales.size)
    if bits not in (2, 4, 8) or sizes != ((depth,), columns * blocks * block * bits, columns * blocks):
        raise UnsupportedError(f"values {list(shape)} and weights {list(octets.shape)} do not match")
    planner.room.work(math.prod(shape) * columns)
    scales = scales.reshape(columns, blocks).astype(np.float32)
    integers = takes_integers(call, np.zeros(0, np.float32), points)
    few = math.prod(shape[:-1]) <= _FEW_ROWS and (bits, block) == (KERNEL_BITS, KERNEL_BLOCK) and points is None
    if integers or (few and depth % block == 0):
        weights = integer_weights(octets.reshape(columns, blocks, -1), scales, points)
        kind = IntegerBlockProduct if integers else BlockProduct
        name = _filled(planner, x, blocks * block)
        planner.emit(kind((name,), node.outputs[0], weights, bias), (*shape[:-1], columns), "float32")
        return Codes(node.outputs[0])
    decoded = np.ascontiguousarray(_decoded(octets.reshape(columns, -1), scales, points, bits)[:, :depth].T)
    finish = Finish(np.zeros(columns, np.float32) if bias is None else bias.reshape(-1))
    return product_by_constant(planner, node.inputs[0], decoded, finish)


def _filled(planner: Planner, x: str, depth: int) -> str:
    """A value whose rows are filled with zeros up to this depth."""
    shape = planner.values[x].shape
    if shape[-1] == depth:
        return x
    name = f"{x}:{depth}"
    if name not in planner.values:
        planner.emit(Pad((x,), name, (0,) * len(shape), 0), (*shape[:-1], depth), "float32")
    return name


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
    plan=plan,
    cost=cost,
)
