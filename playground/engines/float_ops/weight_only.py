"""ONNX Runtime's product with weights in few bits, in blocks of one scale each (``com.microsoft.MatMulNBits``)."""

from __future__ import annotations

import numpy as np

from playground import host
from playground.engines.float_ops._fast import product
from playground.engines.float_ops._op import Array, Call, FloatOp
from playground.errors import InvalidInputError, UnsupportedError

KERNEL_BLOCK = 32
"""Values that share a scale in ``k_gemv_4bit``."""
_KERNEL_BITS = 4


def matmul_n_bits(call: Call, x: Array, octets: Array, scales: Array, *more: Array | None) -> Array:
    """``x @ dequantized(weights).T + bias``.

    Args:
        call: ``K`` (depth), ``N`` (columns), ``bits`` (2, 4 or 8; 4 if not said) and ``block_size``.
        x: float32 (..., K).
        octets: uint8 (N, blocks, block_size * bits / 8), the first of neighbours in the lowest bits.
        scales: one a block, of N * blocks.
        more: zero-points, packed likewise (each column starts a new octet) or as numbers, 2^(bits - 1) if none are
            given; indices of groups, which are not handled; the bias, (N,).

    Raises:
        UnsupportedError: another width, or indices of groups.
        InvalidInputError: sizes that contradict each other.
    """
    points, groups, bias = (*more, None, None, None)[:3]
    depth, columns, bits, block = (call.get(name, default) for name, default in _SIZES.items())
    if bits not in (2, 4, 8) or groups is not None:
        raise UnsupportedError("only 2, 4 and 8 bits without indices of groups are handled")
    blocks = -(-depth // block)
    if x.shape[-1] != depth or octets.size * 8 != columns * blocks * block * bits or scales.size != columns * blocks:
        raise InvalidInputError(
            f"values {list(x.shape)}, weights {list(octets.shape)} and K {depth}, N {columns} differ"
        )
    rows, scales = x.reshape(-1, depth), scales.reshape(columns, blocks)
    fits = bits == _KERNEL_BITS and block == KERNEL_BLOCK and depth % block == 0 and x.dtype == np.float32
    if host.numpy_is_slow() and fits and points is None:
        y = kernel_product(rows, octets.reshape(columns, blocks, -1), scales)
    else:
        y = product(rows, _decoded(octets.reshape(columns, -1), scales, points, bits)[:, :depth].T)
    return (y if bias is None else y + bias).reshape(*x.shape[:-1], columns)


_SIZES = {"K": 0, "N": 0, "bits": 4, "block_size": KERNEL_BLOCK}


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
    kernels.call("k_gemv_4bit", x, count, depth, columns, packed, scale, planes, out)
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


OPS = (FloatOp("com.microsoft.MatMulNBits", matmul_n_bits),)
