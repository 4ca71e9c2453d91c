"""How far a quantized tensor is from the original: errors, signal-to-noise ratio, histograms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.arrays import Float32, as_float32, require_values
from playground.errors import InvalidInputError

_CHUNK = 1 << 16
"""Values per step: temporaries stay in the cache, and sums are formed in float64 without copying all of x."""

_LANES = 64

_MOST_BINS = 1 << 20


def steady_sum(values: NDArray[np.float64]) -> float:
    """The sum of at most ``_CHUNK`` float64 values in one stated order: the same bits on every machine.

    Value ``i`` is added to sum ``i % 64``, one after the other; then the upper half of the sums is added to the lower
    half until one is left. ``k_error_stats`` does the same, so that the page's own numbers equal Python's; the order of
    ``np.sum`` and of a BLAS product depends on the machine.
    """
    rows = values.size // _LANES
    sums: NDArray[np.float64] = np.add.reduce(values[: rows * _LANES].reshape(rows, _LANES), axis=0)
    rest = values[rows * _LANES :]
    sums[: rest.size] += rest
    while sums.size > 1:
        sums = sums[: sums.size // 2] + sums[sums.size // 2 :]
    return float(sums[0])


def compare(x: ArrayLike, x_hat: ArrayLike) -> dict[str, float]:
    """Error measures of ``x_hat`` against ``x``, over all values.

    Returns:
        ``mse`` and ``rmse``; ``sqnr_db``, 10 log10(sum x² / sum error²), infinite when there is no error; ``cosine``
        similarity, 1 when both are all zero and 0 when one is; ``max_error``, the largest absolute error;
        ``mean_error``, the mean of ``x_hat - x`` (the bias). Differences and sums are formed in float64.

    Raises:
        InvalidInputError: the shapes differ, there are no values, or one is NaN or infinite.
    """
    a, b = _pair(x, x_hat)
    noise = signal = estimate = inner = total = largest = 0.0
    for p, q in _chunks(a, b):
        d = q - p
        noise += steady_sum(d * d)
        signal += steady_sum(p * p)
        estimate += steady_sum(q * q)
        inner += steady_sum(p * q)
        total += steady_sum(d)
        largest = max(largest, float(d.max()), -float(d.min()))
    mse = noise / a.size
    return {
        "mse": mse,
        "rmse": math.sqrt(mse),
        "sqnr_db": _decibels(signal, noise),
        "cosine": _cosine(inner, signal, estimate),
        "max_error": largest,
        "mean_error": total / a.size,
    }


def _pair(x: ArrayLike, x_hat: ArrayLike) -> tuple[Float32, Float32]:
    a, b = as_float32(x, "x"), as_float32(x_hat, "x_hat")
    if a.shape != b.shape:
        raise InvalidInputError(f"its shape {b.shape} is not the original's {a.shape}", where="x_hat")
    return require_values(a, "x").reshape(-1), require_values(b, "x_hat").reshape(-1)


def _chunks(*arrays: Float32) -> Iterator[tuple[NDArray[np.float64], ...]]:
    for start in range(0, arrays[0].size, _CHUNK):
        yield tuple(array[start : start + _CHUNK].astype(np.float64) for array in arrays)


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def _cosine(inner: float, signal: float, estimate: float) -> float:
    if signal == 0 or estimate == 0:
        return float(signal == estimate)
    return inner / (math.sqrt(signal) * math.sqrt(estimate))


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts of values in ``bins`` equal bins over ``lo .. hi``, the last of which holds ``hi`` too.

    Attributes:
        counts: int64 of shape ``(bins,)``.
        lo: left edge of the first bin.
        hi: right edge of the last bin.
        below: how many values lie below ``lo``.
        above: how many values lie above ``hi``.
    """

    counts: NDArray[np.int64]
    lo: float
    hi: float
    below: int = 0
    above: int = 0

    @property
    def edges(self) -> NDArray[np.float64]:
        """The ``bins + 1`` edges."""
        return np.linspace(self.lo, self.hi, self.counts.size + 1)


def histogram(x: ArrayLike, bins: int = 256, lo: float | None = None, hi: float | None = None) -> Histogram:
    """Count values in equal bins, several times faster than ``np.histogram``.

    Bin numbers are formed in float32: a value within rounding of an inner edge may be counted next to it.

    Args:
        x: finite real numbers of any shape.
        bins: how many.
        lo: left edge; the smallest value when left out.
        hi: right edge, not below ``lo``; the largest value when left out.

    Raises:
        InvalidInputError: x has no values, or not all are finite; no bins; an edge is not finite, or ``lo > hi``.
    """
    values = require_values(as_float32(x)).reshape(-1)
    first, last = _edges(values.min() if lo is None else lo, values.max() if hi is None else hi, bins)
    counts = np.zeros(bins, np.int64)
    below = above = 0
    for start in range(0, values.size, _CHUNK):
        chunk = values[start : start + _CHUNK]
        counts += _bin_counts(chunk, first, last, bins)
        below += int(np.count_nonzero(chunk < first))
        above += int(np.count_nonzero(chunk > last))
    counts[0] -= below
    counts[-1] -= above
    return Histogram(counts, float(first), float(last), below, above)


def _edges(lo: float, hi: float, bins: int) -> tuple[np.float32, np.float32]:
    """Both edges as float32, moved apart where they coincide."""
    if not isinstance(bins, int) or not 1 <= bins <= _MOST_BINS:
        raise InvalidInputError(
            f"{bins!r} is not accepted", where="bins", hint=f"Use an integer from 1 to {_MOST_BINS}"
        )
    first, last = np.float32(lo), np.float32(hi)
    if not (np.isfinite(first) and np.isfinite(last) and first <= last):
        raise InvalidInputError(f"no histogram runs from {first:g} to {last:g}", where="lo", hint="Use finite lo <= hi")
    if first == last:
        margin = max(abs(first), np.float32(1)) / 2
        return first - margin, last + margin
    return first, last


def _bin_counts(chunk: Float32, first: np.float32, last: np.float32, bins: int) -> NDArray[np.intp]:
    """Counts with everything beyond the edges in the outermost bins."""
    step = bins / (float(last) - float(first))
    exact = chunk if 1e-30 < step < 1e30 else chunk.astype(np.float64)  # widths that float32 cannot hold or divide by
    place = (exact - first) * step
    return np.bincount(np.clip(place, 0, bins - 1, out=place).astype(np.intp), minlength=bins)


@dataclass(frozen=True, slots=True, eq=False)
class ErrorSplit:
    """The error ``x_hat - x``, apart for values within what the codes reach and for values beyond.

    Attributes:
        rounding: histogram of the errors of values within the limits.
        clipping: histogram of the errors of values beyond them, over the same bins.
        rounding_mse: squared rounding errors over the number of all values.
        clipping_mse: squared clipping errors over the number of all values; both add up to the mse.
        clipped: how many values lie beyond the limits.
        count: how many values there are.
    """

    rounding: Histogram
    clipping: Histogram
    rounding_mse: float
    clipping_mse: float
    clipped: int
    count: int


def split_error(x: ArrayLike, x_hat: ArrayLike, lo: ArrayLike, hi: ArrayLike, bins: int = 201) -> ErrorSplit:
    """Tell rounding error from clipping error.

    Args:
        x: the original.
        x_hat: the dequantized values, of the same shape.
        lo: values below are clipped, see ``core.clip_limits``; a number, or an array that fits x's shape.
        hi: values above are clipped, likewise.
        bins: bins of both histograms, which run from minus to plus the largest absolute error.

    Raises:
        InvalidInputError: as :func:`compare`, or the limits do not fit x.
    """
    a, b = as_float32(x, "x"), as_float32(x_hat, "x_hat")
    _pair(a, b)
    try:
        inside = np.broadcast_to(np.less_equal(lo, a) & np.less_equal(a, hi), a.shape)
    except ValueError as error:
        raise InvalidInputError(f"the limits do not fit values of shape {a.shape}", where="lo") from error
    errors = b - a
    rounding, clipping = errors[inside], errors[~inside]
    squared = _split_squares(a, b, inside)
    edge = max(float(errors.max()), -float(errors.min()))
    return ErrorSplit(
        rounding=_histogram_or_empty(rounding, bins, edge),
        clipping=_histogram_or_empty(clipping, bins, edge),
        rounding_mse=squared[0] / a.size,
        clipping_mse=squared[1] / a.size,
        clipped=clipping.size,
        count=a.size,
    )


def _histogram_or_empty(errors: Float32, bins: int, edge: float) -> Histogram:
    if errors.size:
        return histogram(errors, bins, -edge, edge)
    first, last = _edges(-edge, edge, bins)
    return Histogram(np.zeros(bins, np.int64), float(first), float(last))


def _split_squares(a: Float32, b: Float32, inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Sums of the squared errors inside and outside the limits."""
    rounding = clipping = 0.0
    chosen = inside.reshape(-1)
    for start, (p, q) in zip(range(0, a.size, _CHUNK), _chunks(a.reshape(-1), b.reshape(-1)), strict=True):
        squares, within = (q - p) ** 2, chosen[start : start + _CHUNK]
        rounding += steady_sum(np.where(within, squares, 0.0))
        clipping += steady_sum(np.where(within, 0.0, squares))
    return rounding, clipping
