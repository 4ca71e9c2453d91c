"""From a clip range to scales and zero-points, as the scheme's convention computes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.arrays import Float32
from playground.calls import public
from playground.convention_rules import Convention
from playground.errors import InvalidInputError, shown
from playground.number_formats import BlockFormat
from playground.quantization.encoding import encode
from playground.quantization.other_names import FIELDS
from playground.quantization.qtensor import TINY, Factors, Int32, QParams, QTensor, Range, as_range
from playground.quantization.scheme import Scheme, as_scheme

Reals = NDArray[Any]
"""float32 or float64, as the convention says."""


@public("choose_qparams(Range(-1.0, 1.0), 'int8')", FIELDS)
def choose_qparams(
    range: Range | tuple[float, float],  # noqa: A002
    scheme: Scheme | str | Mapping[str, Any],
    *,
    zero_point: int | None = None,
) -> QParams:
    """Scale and zero-point that let the codes cover a range, as the scheme's convention computes them.

    Args:
        range: the interval per scale, or two numbers; zero is drawn into it first if the scheme says so, and a
            symmetric scheme widens it to ``-a .. a``.
        scheme: format, symmetry, narrow range, convention and how scales are stored; also what ``quantize`` takes.
        zero_point: use this one instead; the scale stays, so what the codes cover is shifted.

    Raises:
        InvalidInputError: the range is too wide for float32, or the zero-point is not a code of the format, or not
            the one that a symmetric scheme has.
    """
    range, scheme = as_range(range), as_scheme(scheme)  # noqa: A001
    if scheme.procedure is not None or scheme.number_format.is_fitted:
        raise InvalidInputError(
            f"{scheme.format} takes its parameters from the values, not from a range",
            where="format",
            hint="Call quantize",
        )
    if not scheme.is_scaled:
        return unscaled(range.lo.shape)
    if isinstance(scheme.number_format, BlockFormat):
        qparams = _of_blocks(range, scheme, scheme.number_format)
    elif scheme.symmetric:
        qparams = _symmetric(range, scheme)
    elif scheme.zero_rule == "offset":
        qparams = _from_lower_end(range, scheme)
    else:
        qparams = _affine(range, scheme)
    if zero_point is None:
        return qparams
    points = np.full(qparams.scale.shape, _checked_zero_point(zero_point, scheme, qparams.zero_point), np.int32)
    return QParams(qparams.scale, points, factors=qparams.factors)


def unscaled(shape: tuple[int, ...]) -> QParams:
    """Parameters that change nothing."""
    return QParams(np.ones(shape, np.float32), np.zeros(shape, np.int32))


def _of_blocks(range: Range, scheme: Scheme, blocks: BlockFormat) -> QParams:  # noqa: A002
    """Scales of MX and NVFP4: the largest absolute value over what elements reach, rounded to the scales' format."""
    absmax: Float32 = np.maximum(np.maximum(-range.lo, range.hi), 0).astype(np.float32)
    reach = np.float32(blocks.reach or blocks.element.largest)
    stored = scheme.scale_scheme or Scheme("fp32")
    points = np.zeros(absmax.shape, np.int32)
    if not stored.is_scaled:
        return QParams(quantize_scales(absmax / reach, stored), points)
    outer = stored.grouping.reduce(np.maximum, absmax) / (reach * np.float32(stored.element.largest))
    inner = QParams(np.maximum(outer, np.float32(TINY)), np.zeros(outer.shape, np.int32))
    least = stored.grouping.expand(inner.scale_values, absmax.shape) * np.float32(blocks.least_scale)
    codes = encode(np.maximum(absmax / reach, least), inner, stored)
    return QParams(QTensor(codes, inner, stored, absmax.shape), points)


def _symmetric(range: Range, scheme: Scheme) -> QParams:  # noqa: A002
    convention = scheme.convention_rules
    absmax = np.maximum(np.maximum(-range.lo, range.hi), 0).astype(convention.qparams_dtype)
    absmax = _usable_range(absmax, convention)
    divisor = absmax.dtype.type(_divisor(scheme))
    scale, too_small = _usable_scale(absmax, divisor, convention)
    if scheme.element.family != "integer" and convention.min_scale_for == "integers":
        scale = np.maximum(absmax / divisor, absmax.dtype.type(min(TINY, convention.min_scale)))
    factors = _factors(absmax, divisor, convention)
    if factors is not None:  # the scale is not what is inverted, so it may be zero
        scale = absmax / divisor
    points = np.where(too_small, _clamp(0, scheme), _symmetric_zero_point(scheme)).astype(np.int32)
    return _stored(scale, points, None, scheme, factors)


def _divisor(scheme: Scheme) -> float:
    """How many steps the largest absolute value is from zero."""
    convention, element = scheme.convention_rules, scheme.element
    if element.family != "integer":
        return max(element.largest, -element.smallest)
    reach = element.qmax - _symmetric_zero_point(scheme)
    if convention.symmetric_reach == "largest_code" and reach > 0:  # a single bit has nothing above its zero
        return reach
    narrow = scheme.narrow_range or scheme.format in convention.symmetric_narrow_formats
    qmin, qmax = element.limits(narrow)
    return (qmax - qmin) / 2


def _factors(absmax: Reals, divisor: Any, convention: Convention) -> Factors | None:
    """What makes steps of values where the convention forms it straight from the range."""
    if convention.quotient not in ("inverse", "inverse_product"):
        return None
    with np.errstate(divide="ignore", over="ignore"):
        usable = np.maximum(absmax, absmax.dtype.type(convention.min_inverted))
        inverse = divisor / usable if convention.quotient == "inverse" else divisor * (1 / usable)
    return Factors(multiply=np.where(np.isfinite(inverse), inverse, 0).astype(np.float32))


def _symmetric_zero_point(scheme: Scheme) -> int:
    convention = scheme.convention_rules
    if scheme.element.family != "integer" or scheme.element.signed:
        return 0
    if not scheme.narrow_range and scheme.format in convention.symmetric_zero_points:
        return convention.symmetric_zero_points[scheme.format]
    qmin, qmax = scheme.limits
    return (qmin + qmax + (convention.symmetric_midpoint == "up")) // 2


def _bounds(range: Range, scheme: Scheme) -> tuple[Reals, Reals]:  # noqa: A002
    """The range in the convention's precision, zero drawn into it if the scheme says so."""
    dtype = scheme.convention_rules.qparams_dtype
    if not (scheme.zero_in_range and scheme.convention_rules.range_includes_zero):
        return range.lo.astype(dtype), range.hi.astype(dtype)
    return np.minimum(range.lo, 0).astype(dtype), np.maximum(range.hi, 0).astype(dtype)


def _affine(range: Range, scheme: Scheme) -> QParams:  # noqa: A002
    lo, hi = _bounds(range, scheme)
    qmin, qmax = scheme.limits
    with np.errstate(over="ignore"):  # an infinite scale is refused by QParams
        exact, too_small = _usable_scale(
            _usable_range(hi - lo, scheme.convention_rules), lo.dtype.type(qmax - qmin), scheme.convention_rules
        )
    exact = np.maximum(exact, exact.dtype.type(TINY))  # a scale of zero is for symmetric schemes with an inverse of it
    if scheme.zero_rule == "float":
        return _stored(exact, np.where(too_small, 0, qmin - lo / exact).astype(np.float32), None, scheme)
    points = (
        np.rint(qmin - lo / exact)
        if scheme.convention_rules.zero_point_rounding == "sum"
        else qmin - np.rint(lo / exact)
    )
    points = np.where(too_small, 0, points)
    if scheme.zero_in_range:
        return _stored(exact, _clamp(points, scheme), None, scheme)
    limits = np.iinfo(np.int32)  # far from zero and narrow: the zero-point lies outside the codes
    return _stored(exact, np.clip(points, limits.min, limits.max - 127).astype(np.int32), None, scheme)


def _from_lower_end(range: Range, scheme: Scheme) -> QParams:  # noqa: A002
    """The smallest code stands for the lower end, which is stored as the offset; zero need not be represented."""
    lo, hi = _bounds(range, scheme)
    element = scheme.element
    first, last = scheme.limits if element.family == "integer" else (element.smallest, element.largest)
    with np.errstate(over="ignore"):
        exact, _ = _usable_scale(
            _usable_range(hi - lo, scheme.convention_rules), lo.dtype.type(last - first), scheme.convention_rules
        )
    exact = np.maximum(exact, exact.dtype.type(TINY))
    offset = (lo - exact * lo.dtype.type(first)).astype(np.float32)
    return _stored(exact, np.zeros(exact.shape, np.int32), offset, scheme)


def _stored(
    exact: Reals, points: Int32 | Float32, offset: Float32 | None, scheme: Scheme, factors: Factors | None = None
) -> QParams:
    """Parameters whose scale is kept as the scheme says."""
    scale, kept = _kept(np.asarray(exact, np.float32), scheme)
    if kept is None:
        return QParams(scale, points, offset, factors=factors)
    if factors is None and scheme.convention_rules.codes_from == "exact":
        reciprocal = not scheme.convention_rules.divides
        factors = Factors(multiply=np.float32(1) / scale) if reciprocal else Factors(divide=scale)
    return QParams(quantize_scales(scale, kept), points, offset, factors=factors)


def _kept(scale: Float32, scheme: Scheme) -> tuple[Float32, Scheme | None]:
    """How scales are stored: as the scheme says, else as the convention stores those of blocks, else as they are."""
    formats = scheme.convention_rules.block_scale_formats
    if scheme.scale_scheme is not None or scheme.granularity != "block" or not formats:
        return scale, scheme.scale_scheme
    for name in formats[:-1]:
        scale = quantize_scales(scale, Scheme(name)).dequantize()
    return scale, Scheme(formats[-1])


def quantize_scales(scale: Float32, scheme: Scheme) -> QTensor:
    """Scales as a quantized tensor: the range of each group of scales is what it holds."""
    grouping = scheme.grouping
    found = Range(grouping.reduce(np.minimum, scale), grouping.reduce(np.maximum, scale))
    qparams = centred_qparams(scale, found, scheme) if scheme.centre else choose_qparams(found, scheme)
    return QTensor(encode(scale, qparams, scheme), qparams, scheme, scale.shape)


def centred_qparams(values: Float32, range: Range, scheme: Scheme, *, zero_point: int | None = None) -> QParams:  # noqa: A002
    """As :func:`choose_qparams` for what remains when the mean of all values is subtracted; it becomes the offset."""
    mean = np.float32(values.mean(dtype=np.float64))
    qparams = choose_qparams(Range(range.lo - mean, range.hi - mean), scheme, zero_point=zero_point)
    offset = np.full(qparams.scale.shape, mean, np.float32)
    return QParams(qparams.scale, qparams.zero_point, offset, factors=qparams.factors)


def _usable_range(span: Reals, convention: Convention) -> Reals:
    """A range, or the largest absolute value, as far as the convention widens it."""
    if convention.min_range:
        span = np.maximum(span, span.dtype.type(convention.min_range))
    return span + span.dtype.type(convention.range_epsilon) if convention.range_epsilon else span


def _usable_scale(span: Reals, steps: Any, convention: Convention) -> tuple[Reals, NDArray[np.bool_]]:
    """The scale with those below the convention's smallest replaced, and where the zero-point becomes 0 for that."""
    one = span.dtype.type(1)
    multiply = convention.scale_arithmetic == "multiply_if_several" and span.size > 1
    scale = span * (one / steps) if multiply else span / steps
    small = np.asarray(scale < convention.min_scale)
    if convention.below_min_scale == "clamp":
        scale = np.maximum(scale, scale.dtype.type(convention.min_scale))
    else:
        scale = np.where(small, one if convention.below_min_scale == "one" else one / steps, scale)
    return scale, small & (convention.zero_point_below_min == "zero")


def _clamp(points: ArrayLike, scheme: Scheme) -> Int32:
    if scheme.element.family != "integer":
        return np.zeros(np.shape(points), np.int32)
    clamped: NDArray[Any] = np.clip(points, *scheme.limits)
    return clamped.astype(np.int32)


def _checked_zero_point(zero_point: int, scheme: Scheme, chosen: Int32 | Float32) -> int:
    if scheme.element.family != "integer":
        raise InvalidInputError(
            f"format {scheme.format!r} has no zero-points",
            where="zero_point",
            hint="Leave it out, or use an integer format",
        )
    qmin, qmax = scheme.limits
    number = isinstance(zero_point, int | float | np.number) and not isinstance(zero_point, bool)
    if not number or not qmin <= zero_point <= qmax or int(zero_point) != zero_point:
        raise InvalidInputError(
            f"{zero_point if number else shown(zero_point)} is not a valid {scheme.format} zero-point",
            where="zero_point",
            hint=f"Use an integer from {qmin} to {qmax}",
        )
    if scheme.symmetric and (chosen != zero_point).any():
        raise InvalidInputError(
            f"a symmetric scheme cannot have the zero-point {zero_point}",
            where="zero_point",
            hint="Use symmetric=False",
        )
    return zero_point


def levels(qparams: QParams, scheme: Scheme) -> Float32:
    """All values that can be represented, along a new last axis: float32 ``scale.shape + (levels,)``.

    Ascending, unless a scale is negative. Formats of at most 16 bits.
    """
    element = scheme.element
    if qparams.codebook is not None:
        return qparams.codebook
    if element.family == "integer":
        qmin, qmax = scheme.limits
        numbers = element.decode(np.arange(qmin, qmax + 1, dtype=np.int64))
    else:
        numbers = element.grid
    values = numbers - qparams.zero_point[..., None].astype(np.float32)
    values = (values * qparams.scale_values[..., None]).astype(np.float32, copy=False)
    offset = qparams.offset_values
    return values if offset is None else values + offset[..., None]


def clip_limits(qparams: QParams, scheme: Scheme) -> Range:
    """The interval per scale within which the only error is rounding; values beyond it are clipped.

    It reaches half a step beyond the outermost levels (a whole step when rounding to one side), since values there
    still round to a code that exists.
    """
    element, reach = scheme.element, np.float32(scheme.rounding_rule.reach)
    if qparams.codebook is not None:
        book = qparams.codebook
        return Range(*_beyond((book[..., 0], book[..., 1], book[..., -2], book[..., -1]), reach))
    if element.family == "integer":
        codes = np.array(scheme.limits)
        first, last = element.decode(codes).tolist()
        step = abs(float(element.decode(np.array([1]))[0]))
        low, high = first - reach * step, last + reach * step
    elif element.bits > 16:
        low, high = np.float32(element.smallest), np.float32(element.largest)
    else:
        grid = element.grid
        low, high = _beyond((grid[0], grid[1], grid[-2], grid[-1]), reach)
    points, scale, offset = qparams.zero_point.astype(np.float32), qparams.scale_values, qparams.offset_values
    ends = ((low - points) * scale, (high - points) * scale)
    if offset is not None:
        ends = (ends[0] + offset, ends[1] + offset)
    return Range(np.minimum(*ends), np.maximum(*ends))


def _beyond(ends: tuple[Any, Any, Any, Any], reach: np.float32) -> tuple[Any, Any]:
    """So many gaps beyond the first and the last of a row of levels, of which the two at each end are given."""
    first, second, last_but_one, last = ends
    return first - reach * (second - first), last + reach * (last - last_but_one)
