"""The arithmetic of products of float32, by NumPy: the specification of the kernels of ``wasm_kernels/gemm_f32.h``.

Every operation is rounded on its own. A sum begins at 0 and takes its products in the order of the depth; that of a
convolution is kernel row, kernel column, channel. Then ``v = sum * alpha + bias``, limited: ``v < lo`` becomes ``lo``,
``v > hi`` becomes ``hi``, NaN stays NaN.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from playground.programs.integer_ops import Float32, Window

STRIP = 8
"""Columns that lie together in packed weights."""

BLOCK = 60
"""Rows that the kernels take at a time: of wasm_kernels/gemm_f32.h."""

_AT_ONCE = 1 << 15
"""Sums that are formed at a time: they stay in the cache over the depth."""

_ROW_VALUES = 1 << 24
"""Values of rows that a convolution gathers at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Finish:
    """What becomes of a sum: ``sum * alpha + bias``, limited.

    Attributes:
        bias: float32, one number for each column.
        alpha: that each sum is multiplied by.
        limits: lowest and highest result.
    """

    bias: Float32
    alpha: np.float32 = field(default_factory=lambda: np.float32(1))
    limits: tuple[float, float] = (-math.inf, math.inf)

    def of(self, sums: Float32) -> Float32:
        """The results of sums whose columns are the last axis."""
        return limited(sums * self.alpha + self.bias, self.limits)

    def over(self, scale: np.float32, limits: tuple[float, float]) -> Finish:
        """The same results divided by a positive number, with other limits."""
        return Finish(self.bias / scale, np.float32(self.alpha / scale), limits)

    def plus(self, constant: Float32) -> Finish:
        """The same results with a constant added before they are limited."""
        return replace(self, bias=self.bias + constant)


def limited(v: Float32, limits: tuple[float, float]) -> Float32:
    """Values within limits; NaN stays."""
    lo, hi = map(np.float32, limits)
    v = np.where(v < lo, lo, v)
    return np.asarray(np.where(hi < v, hi, v), np.float32)


def ordered_sums(x: Float32, weights: Float32) -> Float32:
    """``x @ weights`` with each sum formed in the order of the depth.

    Args:
        x: (rows, depth).
        weights: (depth, columns).

    Returns:
        float32 (rows, columns).
    """
    (rows, depth), columns = x.shape, weights.shape[1]
    made = np.empty((rows, columns), np.float32)
    step = max(1, _AT_ONCE // columns)
    lines = np.ascontiguousarray(weights)
    for at in range(0, rows, step):
        turned = np.ascontiguousarray(x[at : at + step].T)
        total = np.zeros((turned.shape[1], columns), np.float32)
        for k in range(depth):
            total += turned[k][:, None] * lines[k]
        made[at : at + step] = total
    return made


def product(x: Float32, weights: Float32, finish: Finish) -> Float32:
    """Rows (..., depth) times matrices (depth, columns), or (..., depth, columns), whose leading axes broadcast.

    ``finish`` has a bias for each column.
    """
    if weights.ndim == 2:
        rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
        with np.errstate(all="ignore"):
            made = finish.of(ordered_sums(rows, weights))
        return made.reshape(*x.shape[:-1], weights.shape[1])
    batch = np.broadcast_shapes(x.shape[:-2], weights.shape[:-2])
    left = np.broadcast_to(x, (*batch, *x.shape[-2:])).reshape(-1, *x.shape[-2:])
    right = np.broadcast_to(weights, (*batch, *weights.shape[-2:])).reshape(-1, *weights.shape[-2:])
    with np.errstate(all="ignore"):
        made = np.stack([finish.of(ordered_sums(a, b)) for a, b in zip(left, right, strict=True)])
    return made.reshape(*batch, x.shape[-2], weights.shape[-1])


def conv(x: Float32, weights: Float32, window: Window, groups: int, finish: Finish) -> Float32:
    """Grouped two-dimensional convolution; padding counts as 0.

    Args:
        x: (N, C, H, W).
        weights: (M, C / groups, kernel_h, kernel_w), all finite.
        window: of the weights' kernel size.
        groups: 1, or C for depthwise, or anything that divides C and M.
        finish: with a bias for each of the M filters.

    Returns:
        float32 (N, M, out_h, out_w).
    """
    views = window.over(x, 0)  # (N, C, out_h, out_w, kernel_h, kernel_w)
    with np.errstate(all="ignore"):
        sums = _depthwise_sums(views, weights) if weights.shape[1] == 1 else _grouped_sums(views, weights, groups)
        made = finish.of(sums)
    return np.ascontiguousarray(made.transpose(0, 3, 1, 2))


def _depthwise_sums(views: Float32, weights: Float32) -> Float32:
    """Sums (N, out_h, out_w, M) of one channel each."""
    filters, channels = weights.shape[0], views.shape[1]
    total = np.zeros((*views.shape[:1], *views.shape[2:4], filters), np.float32)
    for y, column in np.ndindex(*weights.shape[2:]):
        tap = np.repeat(views[..., y, column].transpose(0, 2, 3, 1), filters // channels, axis=3)
        total += tap * weights[:, 0, y, column]
    return total


def _grouped_sums(views: Float32, weights: Float32, groups: int) -> Float32:
    """The same of all channels of a group, for some lines at a time: the rows of all would be many times the images."""
    n, channels, height, width = views.shape[:4]
    matrices = conv_matrices(weights, groups)
    depth, columns = matrices.shape[1:]
    total = np.empty((n, height, width, groups, columns), np.float32)
    lines = max(1, _ROW_VALUES // (width * depth))
    for sample, group, at in itertools.product(range(n), range(groups), range(0, height, lines)):
        own = slice(group * (channels // groups), (group + 1) * (channels // groups))
        part = views[sample, own, at : at + lines].transpose(1, 2, 3, 4, 0)
        total[sample, at : at + lines, :, group] = ordered_sums(part.reshape(-1, depth), matrices[group]).reshape(
            *part.shape[:2], columns
        )
    return total.reshape(n, height, width, groups * columns)


@dataclass(frozen=True, slots=True)
class Spread:
    """How a transposed convolution lays kernels over its output: (height, width) each.

    Attributes:
        out: the size of the result.
        strides: from one pixel's kernel to the next.
        dilations: from one tap to the next.
        begins: what is cut off before the first row and column.
    """

    kernel: tuple[int, int]
    out: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    begins: tuple[int, int]


def conv_transpose(x: Float32, weights: Float32, spread: Spread, finish: Finish) -> Float32:
    """Transposed convolution: every pixel times the kernel, added up where they overlap in the order of the taps.

    Args:
        x: (N, C, H, W).
        weights: (C, M, kernel_h, kernel_w).
        spread: of the weights' kernel size.
        finish: with a bias for each of the M channels.

    Returns:
        float32 (N, M, out_h, out_w).
    """
    n, channels, height, width = x.shape
    filters, pairs = weights.shape[1], list(zip((height, width), spread.strides, strict=True))
    with np.errstate(all="ignore"):
        matrix = spread_matrix(weights)
        parts = ordered_sums(x.transpose(0, 2, 3, 1).reshape(-1, channels), matrix)
        parts = parts.reshape(n, height, width, *spread.kernel, filters)
        reach = [
            (size - 1) * stride + (k - 1) * d + 1
            for (size, stride), k, d in zip(pairs, spread.kernel, spread.dilations, strict=True)
        ]
        room = [max(r, b + o) for r, b, o in zip(reach, spread.begins, spread.out, strict=True)]
        total = np.zeros((n, *room, filters), np.float32)
        for taps in np.ndindex(*spread.kernel):
            rows, columns = (
                slice(tap * d, tap * d + (size - 1) * stride + 1, stride)
                for tap, d, (size, stride) in zip(taps, spread.dilations, pairs, strict=True)
            )
            total[:, rows, columns] += parts[:, :, :, taps[0], taps[1]]
        (top, left), (out_h, out_w) = spread.begins, spread.out
        made = finish.of(total[:, top : top + out_h, left : left + out_w])
    return np.ascontiguousarray(made.transpose(0, 3, 1, 2))


def spread_matrix(weights: Float32) -> Float32:
    """Weights (C, M, kernel_h, kernel_w) as a matrix (C, kernel_h * kernel_w * M)."""
    return np.ascontiguousarray(weights.transpose(0, 2, 3, 1).reshape(weights.shape[0], -1))


@dataclass(frozen=True, slots=True, eq=False)
class PackedFloats:
    """Weights of some matrices as the kernels take them.

    Attributes:
        weights: float32 (matrices, columns / 8, depth, 8), filled with zeros.
    """

    weights: Float32


def pack_floats(matrices: Float32) -> PackedFloats:
    """Pack matrices (matrices, depth, columns)."""
    count, depth, columns = matrices.shape
    padded = np.pad(matrices, ((0, 0), (0, 0), (0, -columns % STRIP)))
    strips = padded.reshape(count, depth, padded.shape[2] // STRIP, STRIP).transpose(0, 2, 1, 3)
    return PackedFloats(np.ascontiguousarray(strips, np.float32))


def padded_columns(array: NDArray[np.float32], groups: int = 1) -> Float32:
    """One number a column, the columns of each group filled with zeros up to a multiple of the strip."""
    columns = array.reshape(groups, -1)
    return np.ascontiguousarray(np.pad(columns, ((0, 0), (0, -columns.shape[1] % STRIP))), np.float32)


def conv_matrices(weights: Float32, groups: int) -> Float32:
    """Weights (M, C / groups, kernel_h, kernel_w) as matrices (groups, depth, M / groups)."""
    by_group = weights.reshape(groups, -1, *weights.shape[1:]).transpose(0, 3, 4, 2, 1)
    return np.ascontiguousarray(by_group.reshape(groups, math.prod(weights.shape[1:]), -1))


def reach_of(window: Window) -> tuple[int, int]:
    """The lines and columns that all windows together see, padding included."""
    spans = [
        (o - 1) * s + (k - 1) * d + 1
        for o, s, k, d in zip(window.out, window.strides, window.kernel, window.dilations, strict=True)
    ]
    return spans[0], spans[1]


def is_inside(window: Window, size: Sequence[int]) -> bool:
    """Whether no window of an image of this size sees padding."""
    return window.pads == (0, 0) and all(span <= n for span, n in zip(reach_of(window), size, strict=True))
