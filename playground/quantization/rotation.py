"""A rotation before quantizing: random signs, then a Hadamard transform along the last axis.

It spreads an outlier over all values of its row, so that one scale fits them better; it is undone after decoding. A row
whose length is no power of two is rotated in pieces whose lengths are: 320 values as 256 and 64.

Source: Ashkboos et al. 2024, QuaRot, https://arxiv.org/abs/2404.00456; Tseng et al. 2024, https://arxiv.org/abs/2402.04396
"""

from __future__ import annotations

import numpy as np

from playground.arrays import Float32

ROTATIONS = ("hadamard",)


def rotate(x: Float32, seed: int) -> Float32:
    """Rows along the last axis times random signs, each piece Hadamard-transformed; lengths of rows stay as they are.

    Args:
        x: float32 with at least one axis; left as it is.
        seed: of the signs.
    """
    return _transformed(x * _signs(x.shape[-1], seed))


def unrotate(x: Float32, seed: int) -> Float32:
    """The inverse of :func:`rotate`, up to float32's rounding."""
    turned = _transformed(x)
    return np.multiply(turned, _signs(x.shape[-1], seed), out=turned)


def _signs(length: int, seed: int) -> Float32:
    bits = np.random.default_rng(seed).integers(0, 2, length, dtype=np.int8)
    return (1 - 2 * bits).astype(np.float32)


def _transformed(x: Float32) -> Float32:
    """Each piece of a row times the orthogonal Hadamard matrix of its size, which is its own inverse."""
    out = np.array(x, np.float32, order="C")
    start, length = 0, x.shape[-1]
    while start < length:
        size = 1 << ((length - start).bit_length() - 1)
        piece = np.ascontiguousarray(out[..., start : start + size])
        out[..., start : start + size] = _butterflies(piece.reshape(-1, size)).reshape(piece.shape)
        start += size
    return out


def _butterflies(rows: Float32) -> Float32:
    count, size = rows.shape
    half = 1
    while half < size:
        pairs = rows.reshape(count, -1, 2, half)
        rows = np.stack([pairs[:, :, 0] + pairs[:, :, 1], pairs[:, :, 0] - pairs[:, :, 1]], axis=2).reshape(count, size)
        half *= 2
    return rows * np.float32(size**-0.5)
