"""From a clip range to scales and zero-points, as the scheme's convention computes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.arrays import Float32, as_float32, require_finite
from playground.errors import InvalidInputError
from playground.presets import CONVENTIONS, Convention
from playground.rounding import ROUNDINGS
from playground.scheme import Scheme

Int32 = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """The interval that codes have to cover, before zero is drawn into it.

    Attributes:
        lo: float32, x's rank with 1 along reduced axes; given as a number, it holds for the whole tensor.
        hi: likewise, nowhere below ``lo``.

    Raises:
        InvalidInputError: a bound is NaN or infinite, the shapes differ, or ``lo > hi`` somewhere.
    """

    lo: Float32
    hi: Float32

    def __init__(self, lo: ArrayLike, hi: ArrayLike) -> None:
        """Take the bounds as anything that makes a float32 array."""
        low, high = as_float32(lo, "range.lo"), as_float32(hi, "range.hi")
        require_finite(low, "range.lo")
        require_finite(high, "range.hi")
        if low.shape != high.shape:
            raise InvalidInputError(f"lo has shape {low.shape} but hi {high.shape}", where="range")
        if (low > high).any():
            raise InvalidInputError("lo lies above hi", where="range", hint="Swap the two bounds")
        object.__setattr__(self, "lo", low)
        object.__setattr__(self, "hi", high)

    def for_shape(self, shape: tuple[int, ...], scheme: Scheme) -> Range:
        """One entry per scale of a tensor of ``shape``; a single number is repeated for every channel.

        Raises:
            InvalidInputError: it has entries for another number of channels, or ``scheme`` does not fit ``shape``.
        """
        wanted = scheme.qparams_shape(shape)
        if self.lo.size != 1 and self.lo.shape != wanted:
            raise InvalidInputError(
                f"its shape {self.lo.shape} does not fit a tensor of shape {shape}",
                where="range",
                hint=f"Give one number, or arrays of shape {wanted}",
            )
        return Range(*(np.broadcast_to(b.reshape(() if b.size == 1 else wanted), wanted) for b in (self.lo, self.hi)))


@dataclass(frozen=True, slots=True, eq=False)
class QParams:
    """Scales and zero-points, of the same shape: x's rank, 1 along reduced axes.

    Attributes:
        scale: float32, positive and normal (so that its reciprocal is finite).
        zero_point: int32, the code that means 0.

    Raises:
        InvalidInputError: a scale is not positive and finite, a zero-point is no integer, or the shapes differ.
    """

    scale: Float32
    zero_point: Int32

    def __init__(self, scale: ArrayLike, zero_point: ArrayLike) -> None:
        """Take both as anything that makes an array."""
        scales, points = as_float32(scale, "scale"), np.asarray(zero_point)
        require_finite(scales, "scale")
        if scales.size and scales.min() < np.finfo(np.float32).tiny:
            raise InvalidInputError(f"{scales.min()} is no scale", where="scale", hint="Scales are at least 1.18e-38")
        if points.dtype.kind not in "iu":
            raise InvalidInputError(f"zero-points are integers, not {points.dtype}", where="zero_point")
        if scales.shape != points.shape:
            raise InvalidInputError(f"its shape {points.shape} is not the scale's {scales.shape}", where="zero_point")
        object.__setattr__(self, "scale", scales)
        object.__setattr__(self, "zero_point", points.astype(np.int32, copy=False))


def choose_qparams(range: Range, scheme: Scheme, *, zero_point: int | None = None) -> QParams:  # noqa: A002
    """Scale and zero-point that let the codes cover a range, as the scheme's convention computes them.

    Args:
        range: the interval per scale; zero is drawn into it first, and a symmetric scheme widens it to ``-a .. a``.
        scheme: format, symmetry, narrow range and convention.
        zero_point: use this one instead; the scale stays, so what the codes cover is shifted.

    Raises:
        InvalidInputError: the range is too wide for float32, or the zero-point is no code of the format, or not
            the one that a symmetric scheme has.
    """
    convention = CONVENTIONS[scheme.convention]
    scale, points = _symmetric(range, scheme, convention) if scheme.symmetric else _affine(range, scheme, convention)
    if zero_point is not None:
        points = np.full(scale.shape, _checked_zero_point(zero_point, scheme, points), np.int32)
    return QParams(scale, points)


def _symmetric(range: Range, scheme: Scheme, convention: Convention) -> tuple[NDArray[Any], Int32]:  # noqa: A002
    absmax = np.maximum(np.maximum(-range.lo, range.hi), 0).astype(convention.qparams_dtype)
    narrow = scheme.narrow_range or scheme.format in convention.symmetric_narrow_formats
    qmin, qmax = scheme.number_format.limits(narrow)
    scale, too_small = _usable_scale(absmax / absmax.dtype.type((qmax - qmin) / 2), convention)
    return scale, np.where(too_small, _clamp(0, scheme), _symmetric_zero_point(scheme, convention)).astype(np.int32)


def _symmetric_zero_point(scheme: Scheme, convention: Convention) -> int:
    if scheme.number_format.signed:
        return 0
    if not scheme.narrow_range and scheme.format in convention.symmetric_zero_points:
        return convention.symmetric_zero_points[scheme.format]
    qmin, qmax = scheme.limits
    return (qmin + qmax + (convention.symmetric_midpoint == "up")) // 2


def _affine(range: Range, scheme: Scheme, convention: Convention) -> tuple[NDArray[Any], Int32]:  # noqa: A002
    lo = np.minimum(range.lo, 0).astype(convention.qparams_dtype)
    hi = np.maximum(range.hi, 0).astype(convention.qparams_dtype)
    qmin, qmax = scheme.limits
    with np.errstate(over="ignore"):  # an infinite scale is refused by QParams
        exact, too_small = _usable_scale((hi - lo) / lo.dtype.type(qmax - qmin), convention)
    points = np.rint(qmin - lo / exact) if convention.zero_point_rounding == "sum" else qmin - np.rint(lo / exact)
    return exact, _clamp(np.where(too_small, 0, points), scheme)


def _usable_scale(scale: NDArray[Any], convention: Convention) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The scale with those below the convention's smallest replaced, and where the zero-point becomes 0 for that."""
    small = np.asarray(scale < convention.min_scale)
    if convention.below_min_scale == "one":
        return np.where(small, scale.dtype.type(1), scale), small
    return np.maximum(scale, scale.dtype.type(convention.min_scale)), np.zeros_like(small)


def _clamp(points: ArrayLike, scheme: Scheme) -> Int32:
    clamped: NDArray[Any] = np.clip(points, *scheme.limits)
    return clamped.astype(np.int32)


def _checked_zero_point(zero_point: int, scheme: Scheme, chosen: Int32) -> int:
    qmin, qmax = scheme.limits
    if not qmin <= zero_point <= qmax:
        raise InvalidInputError(
            f"{zero_point} is no {scheme.format} code", where="zero_point", hint=f"Use {qmin} to {qmax}"
        )
    if scheme.symmetric and (chosen != zero_point).any():
        raise InvalidInputError(
            f"{zero_point} is not the zero-point of a symmetric scheme",
            where="zero_point",
            hint="Use symmetric=False to choose the zero-point",
        )
    return zero_point


def levels(qparams: QParams, scheme: Scheme) -> Float32:
    """All values that can be represented, ascending along a new last axis: float32 ``scale.shape + (levels,)``."""
    qmin, qmax = scheme.limits
    offsets = np.arange(qmin, qmax + 1, dtype=np.float32) - qparams.zero_point[..., None].astype(np.float32)
    return (offsets * qparams.scale[..., None]).astype(np.float32, copy=False)


def clip_limits(qparams: QParams, scheme: Scheme) -> Range:
    """The interval per scale within which the only error is rounding; values beyond it are clipped.

    It reaches half a step beyond the outermost levels (a whole step when rounding toward zero), since values there
    still round to a code that exists.
    """
    qmin, qmax = scheme.limits
    reach, points = ROUNDINGS[scheme.rounding].reach, qparams.zero_point.astype(np.float32)
    return Range((qmin - reach - points) * qparams.scale, (qmax + reach - points) * qparams.scale)
