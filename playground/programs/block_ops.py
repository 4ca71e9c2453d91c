"""The arithmetic of products with weights of 4 bits in blocks and integer activations, by NumPy.

The specification of ``k_quantize_blocks`` and ``k_gemv_4bit_s8``, which give the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

GROUP = 32
"""Codes that lie together in 16 octets; blocks are multiples of it."""
_LANES = 4


def quantize_blocks(x: NDArray[np.float32], block: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Int8 codes and a scale per block, as ONNX Runtime brings activations to int8 for ``accuracy_level`` 4.

    ``scale = max |x| / 127`` and ``code = rint(x * (127 / max |x|))``, all in float32; codes are 0 where that quotient
    is not finite. NaN makes its block's scale NaN.

    Args:
        x: float32 (rows, depth), depth a multiple of ``block``.
        block: values that share a scale.

    Returns:
        int8 (rows, depth) and float32 (rows, depth / block).
    """
    blocks = x.reshape(x.shape[0], -1, block)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        most = np.abs(blocks).max(axis=-1, initial=0)
        inverse = np.float32(127) / most
        steps = blocks * np.where(np.isinf(inverse), np.float32(0), inverse)[..., None]
    limited = np.clip(np.where(np.isnan(steps), np.float32(-127), steps), -127, 127)
    return np.rint(limited).astype(np.int8).reshape(x.shape), most / np.float32(127)


def block_product(
    codes: NDArray[np.int8], scale: NDArray[np.float32], values: NDArray[Any], weight_scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Rows times columns whose blocks have scales on both sides.

    Lane l of four has the exact sum of a block's products of k = 2l and 2l + 1 (mod 8). As float32 it is multiplied by
    ``scale * weight_scale`` (rounded first) and added block after block; then (lane 0 + lane 1) + (lane 2 + lane 3).

    Args:
        codes: int8 (rows, depth).
        scale: float32 (rows, blocks).
        values: what the weights' codes stand for, points taken off: integers of 16 bits (columns, depth).
        weight_scale: float32 (columns, blocks).

    Returns:
        float32 (rows, columns).
    """
    blocks = scale.shape[1]
    left = _by_lane(codes, blocks)
    right = _by_lane(values, blocks).swapaxes(-1, -2)
    total = np.zeros((_LANES, codes.shape[0], values.shape[0]), np.float32)
    for b in range(blocks):
        sums = np.matmul(left[b], right[b]).astype(np.float32)
        total += sums * (scale[:, b, None] * weight_scale[None, :, b])
    return np.asarray((total[0] + total[1]) + (total[2] + total[3]))


def float_block_product(
    x: NDArray[np.float32], values: NDArray[np.float32], scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Rows times columns whose blocks of 32 have a scale each: the order of ``k_gemv_4bit``.

    Lane l of four adds the products of k = l, l + 4, ... of a block, then the blocks' sums times their scales; then
    (lane 0 + lane 1) + (lane 2 + lane 3).

    Args:
        x: float32 (rows, depth), depth a multiple of 32.
        values: what the weights' codes stand for (columns, depth).
        scale: float32 (columns, depth / 32).

    Returns:
        float32 (rows, columns).
    """
    with np.errstate(all="ignore"):
        total = np.zeros((x.shape[0], values.shape[0], _LANES), np.float32)
        for b in range(scale.shape[1]):
            block = np.full_like(total, -0.0)
            for k in range(b * GROUP, (b + 1) * GROUP, _LANES):
                block += x[:, None, k : k + _LANES] * values[:, k : k + _LANES]
            total += block * scale[:, b, None]
        return np.asarray((total[..., 0] + total[..., 1]) + (total[..., 2] + total[..., 3]))


def _by_lane(values: NDArray[Any], blocks: int) -> NDArray[np.float64]:
    """(rows, depth) as float64 (blocks, lanes, rows, depth / blocks / lanes): exact for all sums there are."""
    rows = values.shape[0]
    lanes = values.reshape(rows, blocks, -1, _LANES, 2).transpose(1, 3, 0, 2, 4)
    return np.ascontiguousarray(lanes, np.float64).reshape(blocks, _LANES, rows, -1)


def grouped(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Codes (columns, depth) as the kernels take them: octets (columns, depth / 32, 16), k and k + 16 in one."""
    halves = codes.reshape(codes.shape[0], -1, 2, GROUP // 2)
    return np.asarray(halves[:, :, 0] | halves[:, :, 1] << 4, np.uint8)


def codebook_planes(codebook: NDArray[np.int16]) -> NDArray[np.uint8]:
    """16 int16 as the kernels take them: (2, 16), the low octets, then the high ones."""
    return np.ascontiguousarray(codebook.astype("<i2").view(np.uint8).reshape(16, 2).T)
