"""The arithmetic of dynamically quantized networks, by NumPy: scales are found while a model runs, floats lie between.

As :mod:`playground.programs.integer_ops`, this is the specification that the WebAssembly kernels are tested against,
bit for bit. A *range* is float32 (2,): scale and zero-point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.programs.integer_ops import Float32, Int32, Window


def dynamic_range(x: Float32) -> Float32:
    """Scale and zero-point of ONNX's DynamicQuantizeLinear, in float32 throughout.

    The range is that of x and 0 (NaN is no part of it); a range of 0 has scale 1, as in ONNX Runtime (the specification
    leaves it open). Where the scale rounds to 0 and 0 is the least value, the zero-point is 0.
    """
    lo, hi = np.fmin.reduce(x, axis=None, initial=0), np.fmax.reduce(x, axis=None, initial=0)
    scale = np.float32(1) if lo == hi else (hi - lo) / np.float32(255)
    with np.errstate(divide="ignore", invalid="ignore"):
        zero_point = _within(np.rint(-lo / scale), (0, 255))
    return np.array([scale, zero_point], np.float32)


def dynamic_quantize(x: Float32, found: Float32) -> NDArray[np.uint8]:
    """Codes of floats on the grid of a range; 0 for NaN."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        steps = np.rint(x / found[0]) + found[1]
    limited = np.clip(np.where(np.isnan(steps), np.float32(0), steps), np.float32(0), np.float32(255))
    codes: NDArray[np.uint8] = limited.astype(np.uint8)
    return codes


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What :func:`scale_sums` needs of each column of weights; the arrays are of one shape.

    Attributes:
        sums: of the weights' offsets, int32.
        scale: of the weights, float32.
        bias: float32; -0 where there is none.
        steps_of: float32, which are brought to steps of both scales and rounded down before they are added; None: none.
    """

    sums: Int32
    scale: Float32
    bias: Float32
    steps_of: Float32 | None = None

    def along(self, axis: int, rank: int) -> Columns:
        """The same, to broadcast along an axis of so many."""
        shape = [-1 if i == axis % rank else 1 for i in range(rank)]
        steps_of = None if self.steps_of is None else self.steps_of.reshape(shape)
        return Columns(self.sums.reshape(shape), self.scale.reshape(shape), self.bias.reshape(shape), steps_of)


def scale_sums(sums: Int32, found: Float32, columns: Columns, limits: tuple[float, float]) -> Float32:
    """Floats of sums of products of codes whose zero-point was not taken off.

    ``float32(sum - zero_point * column_sum) * (x_scale * scale) + bias`` within the limits; integers wrap. With
    ``steps_of``, ``floor(steps_of / (x_scale * scale))`` is added to the integer.

    Args:
        sums: int32.
        found: the range of the codes.
        columns: what broadcasts against ``sums``.
        limits: lowest and highest result.
    """
    scale = found[0] * columns.scale
    offsets = sums.astype(np.int64) - np.int64(found[1]) * columns.sums
    if columns.steps_of is not None:
        offsets = offsets + _floored(columns.steps_of, scale)
    return _within(offsets.astype(np.int32).astype(np.float32) * scale + columns.bias, limits)


def _floored(real: Float32, scale: Float32) -> NDArray[np.int64]:
    """Whole steps of a scale, rounded down; at most what int32 holds, 0 for NaN."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        steps = np.floor(real / scale).astype(np.float64)
    limits = np.iinfo(np.int32)
    return np.clip(np.where(np.isnan(steps), 0, steps), limits.min, limits.max).astype(np.int64)


def pool_floats(x: Float32, window: Window, *, mean: bool, count_padding: bool = False) -> Float32:
    """The largest under each window, or the mean: added up line by line from 0, then divided by their number."""
    under = window.over(x, 0 if mean else -np.inf)
    found = np.full(under.shape[:4], 0 if mean else -np.inf, np.float32)
    for y in range(window.kernel[0]):
        for column in range(window.kernel[1]):
            taps = under[..., y, column]
            found = found + taps if mean else np.where(found < taps, taps, found)
    if not mean:
        return found
    count = np.float32(window.kernel[0] * window.kernel[1])
    inside = window.over(np.ones((1, 1, *x.shape[2:]), np.float32), 0).sum(axis=(4, 5), dtype=np.float32)
    return np.asarray(found / (count if count_padding else inside), np.float32)


def _within(v: Float32, limits: tuple[float, float]) -> Float32:
    lo, hi = map(np.float32, limits)
    return np.asarray(np.clip(np.where(np.isnan(v), lo, v), lo, hi), np.float32)
