"""The integer arithmetic of quantized networks, as plainly as NumPy can say it. This is the specification.

Codes are int8 or uint8; ``real = scale * (code - zero_point)``. Sums are int32 and wrap modulo 2^32, as ONNX's integer
operators do. Scales are float32, and so is every product with one. Images are NCHW. The WebAssembly kernels are tested
to give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import strided_view, why_outside
from playground.errors import UnsupportedError

Codes = NDArray[np.int8] | NDArray[np.uint8]
Int32 = NDArray[np.int32]
Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Target:
    """What becomes of an exact result: codes of another scale, or float32.

    Attributes:
        dtype: ``"int8"``, ``"uint8"``, ``"float32"``, or ``"int32"`` for the exact sums of products themselves.
        zero_point: of the codes; 0 for float32.
        lo: the smallest result, in steps of the output's scale from its zero-point (for float32: as it is).
        hi: the largest result, likewise. A fused ReLU raises ``lo`` to 0.
    """

    dtype: str
    zero_point: int = 0
    lo: float = -np.inf
    hi: float = np.inf

    def finish(self, scaled: Float32) -> NDArray[Any]:
        """Clamp, round half to even and add the zero-point (or, for float32, only clamp). NaN gives the smallest."""
        lo = np.float32(self.lo)
        clamped: Float32 = np.clip(np.where(np.isnan(scaled), lo, scaled), lo, np.float32(self.hi))
        if self.dtype == "float32":
            return clamped
        return (np.rint(clamped) + np.float32(self.zero_point)).astype(self.dtype)


def quantize(x: Float32, scale: np.float32, zero_point: int, dtype: str) -> Codes:
    """ONNX QuantizeLinear: ``rint(x / scale) + zero_point``, saturating. NaN gives the smallest code."""
    limits = np.iinfo(dtype)
    with np.errstate(over="ignore"):  # infinities saturate
        steps = np.rint(x / np.float32(scale))
    steps = np.where(np.isnan(steps), np.float32(-np.inf), steps)
    clamped = np.clip(steps, np.float32(limits.min - zero_point), np.float32(limits.max - zero_point))
    codes: Codes = (clamped + np.float32(zero_point)).astype(dtype)
    return codes


def dequantize(codes: NDArray[Any], scale: Float32 | np.float32, zero_point: NDArray[Any] | int) -> Float32:
    """ONNX DequantizeLinear: ``float32(code - zero_point) * scale``; scale and zero-point broadcast against codes."""
    offsets = codes.astype(np.int64) - np.asarray(zero_point, np.int64)
    return offsets.astype(np.float32) * np.asarray(scale, np.float32)


def requantize(sums: Int32, multiplier: Float32 | np.float32, to: Target) -> NDArray[Any]:
    """Codes (or reals) of int32 sums: ``float32(sum) * multiplier`` through ``to``.

    Args:
        sums: exact sums of products of offsets, bias included.
        multiplier: ``float32(x_scale) * float32(w_scale) / float32(y_scale)`` formed in that order; broadcasts.
        to: limits and type of the result.
    """
    if to.dtype == "int32":
        return sums
    return to.finish(sums.astype(np.float32) * np.asarray(multiplier, np.float32))


def matmul_integer(a: NDArray[Any], b: NDArray[Any], a_zero_point: Any = 0, b_zero_point: Any = 0) -> Int32:
    """Sums of products of offsets, int32 of shape ``a.shape[:-1] + b.shape[-1:]`` (leading axes as ``numpy.matmul``).

    Zero-points broadcast against their operand. Formed in float64, which is exact: products stay below 2^17, so it
    would take a depth of 2^36 to leave its 53 bits.
    """
    left = np.ascontiguousarray(a.astype(np.float64) - np.asarray(a_zero_point, np.float64))
    right = np.ascontiguousarray(b.astype(np.float64) - np.asarray(b_zero_point, np.float64))
    return _wrapped(left @ right)


def _wrapped(sums: NDArray[np.float64]) -> Int32:
    return sums.astype(np.int64).astype(np.int32)


def add_bias(sums: Int32, bias: Int32) -> Int32:
    """Both added as int32, wrapping; the bias broadcasts."""
    return (sums.astype(np.int64) + bias).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Window:
    """How a two-dimensional window moves over an image: (height, width) each; padding before the first row and column.

    Attributes:
        out: the size of the result. It also says how far the image is padded at its end.
        strides: from one result to the next; 1 along an axis with a single result.
        dilations: from one tap to the next; 1 along an axis with a single tap.
    """

    kernel: tuple[int, int]
    out: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        """Check that it is a window.

        Raises:
            UnsupportedError: a size, stride or dilation is not 1 to 2^31 - 1, or a padding not 0 to 2^31 - 1.
        """
        least = {"kernel": 1, "out": 0, "strides": 1, "dilations": 1, "pads": 0}
        for name, lowest in least.items():
            pair = getattr(self, name)
            if not all(lowest <= n < 2**31 for n in pair):
                raise UnsupportedError(
                    f"{list(pair)} is not a valid {name} of a window", hint=f"Use {lowest} to 2147483647"
                )
        # A step to a place that is not there says nothing, and kernels reserve room for steps
        self._steps("strides", self.out)
        self._steps("dilations", self.kernel)

    def _steps(self, name: str, places: tuple[int, int]) -> None:
        steps = tuple(step if count > 1 else 1 for step, count in zip(getattr(self, name), places, strict=True))
        object.__setattr__(self, name, steps)

    def is_pointwise(self, size: tuple[int, ...]) -> bool:
        """Whether each output pixel sees just the pixel at its place in an image of this size."""
        return self.kernel == self.strides == (1, 1) and self.pads == (0, 0) and self.out == size

    def over(self, x: NDArray[Any], fill: float) -> NDArray[Any]:
        """The values under every position, ``fill`` outside: shape (N, C, out_h, out_w, kernel_h, kernel_w)."""
        reach = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]
        needed = [(o - 1) * s + r for o, s, r in zip(self.out, self.strides, reach, strict=True)]
        after = [max(0, n - p - size) for n, p, size in zip(needed, self.pads, x.shape[2:], strict=True)]
        padded = np.pad(x, [(0, 0), (0, 0), *zip(self.pads, after, strict=True)], constant_values=fill)
        rows = np.lib.stride_tricks.sliding_window_view(padded, reach[0], axis=2)
        views: NDArray[Any] = np.lib.stride_tricks.sliding_window_view(rows, reach[1], axis=3)
        (sy, sx), (dy, dx) = self.strides, self.dilations
        return views[:, :, ::sy, ::sx, ::dy, ::dx][:, :, : self.out[0], : self.out[1]]


def conv_integer(
    x: NDArray[Any], w: NDArray[Any], window: Window, *, groups: int = 1, x_zero_point: Any = 0, w_zero_point: Any = 0
) -> Int32:
    """Grouped two-dimensional convolution of offsets; padding counts as the zero-point.

    Args:
        x: codes (N, C, H, W).
        w: codes (M, C / groups, kernel_h, kernel_w); its zero-point broadcasts against it.
        window: of w's kernel size.
        groups: 1, or C for depthwise, or anything that divides C and M.
        x_zero_point: one number.
        w_zero_point: one number, or an array of shape (M, 1, 1, 1).

    Returns:
        int32 (N, M, out_h, out_w).
    """
    offsets = x.astype(np.float64) - np.float64(x_zero_point)
    columns = window.over(offsets, 0)  # (N, C, out_h, out_w, kernel_h, kernel_w)
    n, channels, height, width = columns.shape[:4]
    columns = columns.reshape(n, groups, channels // groups, height, width, -1)
    rows = columns.transpose(0, 1, 3, 4, 2, 5).reshape(n, groups, height * width, -1)
    weights = (w.astype(np.float64) - np.asarray(w_zero_point, np.float64)).reshape(groups, w.shape[0] // groups, -1)
    sums = rows @ weights.transpose(0, 2, 1)  # (N, groups, pixels, M / groups)
    return _wrapped(sums.transpose(0, 1, 3, 2).reshape(n, w.shape[0], height, width))


def add(a: Codes, b: Codes, zero_points: tuple[int, int], ratios: tuple[np.float32, np.float32], to: Target) -> Any:
    """``float32(a - za) * ra + float32(b - zb) * rb`` through ``to``; a ratio is input scale over output scale."""
    terms = [
        (codes.astype(np.int32) - zero_point).astype(np.float32) * np.float32(ratio)
        for codes, zero_point, ratio in zip((a, b), zero_points, ratios, strict=True)
    ]
    return to.finish(terms[0] + terms[1])


def max_pool(x: Codes, window: Window) -> Codes:
    """The largest code under each window; padding never wins."""
    codes: Codes = window.over(x, np.iinfo(x.dtype).min).max(axis=(4, 5))
    return codes


def average_pool(
    x: Codes, window: Window, to: Target, *, zero_point: int, ratio: np.float32, count_padding: bool
) -> NDArray[Any]:
    """``float32(sum of offsets) * (ratio / float32(taps))`` through ``to``.

    Args:
        x: codes (N, C, H, W).
        window: every position has to touch the image.
        to: limits and type of the result.
        zero_point: of x.
        ratio: x's scale over the output's.
        count_padding: taps are those of the whole window even where it reaches into the padding.
    """
    sums = window.over(x.astype(np.int32) - np.int32(zero_point), 0).sum(axis=(4, 5), dtype=np.int32)
    inside = window.over(np.ones((1, 1, *x.shape[2:]), np.int32), 0).sum(axis=(4, 5), dtype=np.int32)
    taps = np.full_like(inside, window.kernel[0] * window.kernel[1]) if count_padding else inside
    return requantize(sums, np.float32(ratio) / taps.astype(np.float32), to)


@dataclass(frozen=True, slots=True)
class Box:
    """Part of an array with its axes in another order.

    Attributes:
        axes: for every axis of the result the array's axis that it runs along, or -1 if it repeats one element. An axis
            that is not named is read at 0.
        starts: where it starts on that axis.
        steps: how far it goes from one element to the next; may be negative.
        shape: of the result.
    """

    axes: tuple[int, ...]
    starts: tuple[int, ...]
    steps: tuple[int, ...]
    shape: tuple[int, ...]

    def of(self, x: NDArray[Any]) -> NDArray[Any]:
        """The elements, in an array of their own; InvalidInputError if some lie outside."""
        along = tuple(zip(self.axes, self.steps, strict=True))
        return strided_view(x, self.shape, along, self._first(x.ndim)).copy()

    def require_inside(self, size: tuple[int, ...]) -> None:
        """Check that all of it lies inside an array of this shape.

        Raises:
            UnsupportedError: some of it does not.
        """
        along = tuple(zip(self.axes, self.steps, strict=True))
        wrong = why_outside(size, self.shape, along, self._first(len(size)))
        if wrong is not None:
            raise UnsupportedError(wrong)

    def _first(self, rank: int) -> list[int]:
        first = [0] * rank
        for axis, start in zip(self.axes, self.starts, strict=True):
            if axis >= 0:
                first[axis] = start
        return first


def lookup(codes: Codes, table: NDArray[Any]) -> NDArray[Any]:
    """``table[octet]``: any function of one code. The table has 256 entries; code -1 is at 255."""
    return table[codes.view(np.uint8)]
