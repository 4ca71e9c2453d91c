"""Sums, normalization, softmax and resizing of float32 values, by NumPy: the specification of the kernels, bit for bit.

Sums are formed in a stated order, whatever the memory layout: value j is added to sum ``j % 16``, one after the other,
each sum from 0; then the upper half of the sums is added to the lower half until one is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from playground.programs import float_functions
from playground.programs.float_functions import larger, smaller
from playground.programs.integer_ops import Float32

SUMS = 16


def ordered_sum(x: Float32) -> Float32:
    """The sum over axis 1 of an array (outer, n, inner), in the order that is stated above."""
    outer, n, inner = x.shape
    padded = np.zeros((outer, -(-n // SUMS), SUMS, inner), np.float32)
    padded.reshape(outer, -1, inner)[:, :n] = x
    total = np.zeros((outer, SUMS, inner), np.float32)
    for part in range(padded.shape[1]):
        total = total + padded[:, part]
    while total.shape[1] > 1:
        half = total.shape[1] // 2
        total = total[:, :half] + total[:, half:]
    return np.asarray(total[:, 0], np.float32)


def _mean(x: Float32) -> Float32:
    return np.asarray(ordered_sum(x) / np.float32(x.shape[1]), np.float32)


def _folded(function: Callable[[Float32, Float32], Float32]) -> Callable[[Float32], Float32]:
    """A function of two values, of all along axis 1; the order does not matter."""

    def fold(x: Float32) -> Float32:
        made = x
        while (half := made.shape[1] // 2) > 0:
            pairs = function(made[:, :half], made[:, half : 2 * half])
            made = np.concatenate([pairs, made[:, 2 * half :]], axis=1)
        return np.asarray(made[:, 0], np.float32)

    return fold


REDUCTIONS: Mapping[str, Callable[[Float32], Float32]] = {
    "sum": ordered_sum,
    "mean": _mean,
    "max": _folded(larger),
    "min": _folded(smaller),
}
"""Name -> function over axis 1 of (outer, n, inner), in the order of the numbers that k_reduce_f32 takes."""


def reduce(name: str, x: Float32) -> Float32:
    """One of :data:`REDUCTIONS` over axis 1 of an array (outer, n, inner): float32 (outer, inner)."""
    with np.errstate(all="ignore"):
        return REDUCTIONS[name](x)


def normalize(
    x: Float32, gamma: Float32 | None, beta: Float32 | None, *, epsilon: float, centred: bool = True
) -> Float32:
    """Rows brought to mean 0 and variance 1, then scaled and shifted.

    ``inverse = 1 / sqrt(sum of (x - mean)**2 / n + epsilon)``, then ``(x - mean) * inverse * gamma + beta``.

    Args:
        x: (rows, n).
        gamma: (n,), if there is one.
        beta: (n,), likewise.
        epsilon: added to the variance.
        centred: False for RMS normalization, whose mean is 0.
    """
    with np.errstate(all="ignore"):
        mean = _mean(x[:, :, None]) if centred else np.zeros((len(x), 1), np.float32)
        centre = x - mean
        variance = _mean((centre * centre)[:, :, None])
        y = centre * (np.float32(1) / np.sqrt(variance + np.float32(epsilon)))
        y = y if gamma is None else y * gamma
        return np.asarray(y if beta is None else y + beta, np.float32)


def softmax(x: Float32, *, is_log: bool = False) -> Float32:
    """Softmax of rows (rows, n): ``exp(x - largest)`` over its sum; or the logarithm, ``x - largest - log(sum)``."""
    with np.errstate(all="ignore"):
        shifted = x - REDUCTIONS["max"](x[:, :, None])
        exps = float_functions.exp(shifted)
        total = ordered_sum(exps[:, :, None])
        return np.asarray(shifted - float_functions.log(total) if is_log else exps / total, np.float32)


def resize_linear(
    images: Float32, rows: tuple[NDArray[np.int32], Float32], columns: tuple[NDArray[np.int32], Float32]
) -> Float32:
    """Images (N, C, H, W) of another size: weighted means of two pixels of a line, then of two lines.

    Args:
        images: what is resized.
        rows: for each line of the result two of the images' (lines, 2), and their weights, likewise.
        columns: the same for columns.
    """

    def blended(x: Float32, axis: int, places: NDArray[np.int32], weights: Float32) -> Float32:
        along = (-1, 1) if axis == 2 else (-1,)
        one, other = (np.take(x, places[:, i], axis) * weights[:, i].reshape(along) for i in (0, 1))
        return np.asarray(one + other, np.float32)

    with np.errstate(all="ignore"):
        return blended(blended(images, 3, *columns), 2, *rows)
