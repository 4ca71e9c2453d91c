"""How far a quantized tensor is from the original, and how well its codes are used.

Values are taken in C order, a chunk at a time, and sums are float64 and formed by NumPy's own pairwise addition, not by
a BLAS: results depend neither on the memory layout nor on the machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.arrays import Float32, as_float32, require_values
from playground.calls import public
from playground.errors import InvalidInputError
from playground.histograms import MOST_BINS, Histogram, bin_counts, edges_of, histogram
from playground.named import Named
from playground.quantization import QTensor, clip_limits

__all__ = [
    "CodeUse",
    "ErrorSplit",
    "ErrorSums",
    "Histogram",
    "code_use",
    "compare",
    "deterministic_sum",
    "histogram",
    "kl_divergence",
    "measure",
    "split_error",
]

_CHUNK = 1 << 16
"""Values per step: temporaries stay in the cache, and sums are formed in float64 without copying all of x."""

_LANES = 64


def deterministic_sum(values: NDArray[np.float64]) -> float:
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


@public(
    "compare(x, quantize(x, 'int8'))",
    {"metric": "compare(x, q)['mse']", "metrics": "compare(x, q)['mse']", "data": "run(model, data) of both models"},
)
def compare(x: ArrayLike, x_hat: ArrayLike) -> dict[str, float]:
    """Error measures of ``x_hat`` against ``x``, over all values.

    Returns:
        ``mse`` and ``rmse``; ``sqnr_db``, 10 log10(sum x² / sum error²), infinite when there is no error; ``cosine``
        similarity, 1 when both are all zero and 0 when one is; ``max_error``, the largest absolute error;
        ``mean_error``, the mean of ``x_hat - x`` (the bias). Differences and sums are formed in float64.

    Raises:
        InvalidInputError: the shapes differ, there are no values, or one is NaN or infinite.
    """
    sums = ErrorSums()
    sums.update(x, x_hat)
    return sums.measures()


class ErrorSums:
    """The measures of :func:`compare`, gathered batch by batch: only their sums are kept."""

    def __init__(self) -> None:
        """Start with no values; ``signal`` and ``noise`` are sums of squares, of the values and of the errors."""
        self.count = 0
        self.noise = self.signal = self._estimate = self._inner = self._total = self._largest = 0.0

    def update(self, x: ArrayLike, x_hat: ArrayLike) -> None:
        """Add a batch. Raises InvalidInputError as :func:`compare` does."""
        a, b = _pair(x, x_hat)
        self.count += a.size
        for p, q in _chunks(a, b):
            d = q - p
            self.noise += deterministic_sum(d * d)
            self.signal += deterministic_sum(p * p)
            self._estimate += deterministic_sum(q * q)
            self._inner += deterministic_sum(p * q)
            self._total += deterministic_sum(d)
            self._largest = max(self._largest, float(d.max()), -float(d.min()))

    def measures(self) -> dict[str, float]:
        """What :func:`compare` says about all batches together.

        Raises:
            InvalidInputError: there was none.
        """
        if not self.count:
            raise InvalidInputError("there are no values to compare", where="x", hint="Give at least one value")
        mse = self.noise / self.count
        measures = {
            "mse": mse,
            "rmse": math.sqrt(mse),
            "sqnr_db": _decibels(self.signal, self.noise),
            "cosine": _cosine(self._inner, self.signal, self._estimate),
            "max_error": self._largest,
            "mean_error": self._total / self.count,
        }
        return Named(measures, "measure")


def sqnr_db(x: ArrayLike, x_hat: ArrayLike) -> float:
    """The ``sqnr_db`` of :func:`compare`, equal to it, without what it takes to find the rest. Raises likewise."""
    a, b = _pair(x, x_hat)
    noise = signal = 0.0
    for p, q in _chunks(a, b):
        d = q - p
        noise += deterministic_sum(d * d)
        signal += deterministic_sum(p * p)
    return _decibels(signal, noise)


def _pair(x: ArrayLike, x_hat: ArrayLike) -> tuple[Float32, Float32]:
    a, b = as_float32(x, "x"), as_float32(x_hat, "x_hat")
    if a.shape != b.shape:
        raise InvalidInputError(
            f"shape {b.shape} is not the shape of the original, {a.shape}",
            where="x_hat",
            hint="Give two arrays of one shape",
        )
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
    shape = np.shape(x)
    a, b = _pair(x, x_hat)
    low, high = (_flat(limit, shape) for limit in (lo, hi))
    edge = max(float(np.abs(b[i : i + _CHUNK] - a[i : i + _CHUNK]).max()) for i in range(0, a.size, _CHUNK))
    first, last = edges_of(-edge, edge, bins)
    counts, sums, clipped = np.zeros((2, bins), np.int64), [0.0, 0.0], 0
    for start in range(0, a.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        inside = (low[part] <= a[part]) & (a[part] <= high[part])
        for kind, chosen in enumerate((inside, ~inside)):
            errors = b[part][chosen] - a[part][chosen]
            counts[kind] += bin_counts(errors, first, last, bins)
            squares = np.square(b[part].astype(np.float64) - a[part])
            sums[kind] += deterministic_sum(np.where(chosen, squares, 0.0))
        clipped += int(errors.size)
    rounding, clipping = (Histogram(count, float(first), float(last)) for count in counts)
    return ErrorSplit(rounding, clipping, sums[0] / a.size, sums[1] / a.size, clipped, a.size)


def _flat(limit: ArrayLike, shape: tuple[int, ...]) -> Any:
    """A limit for each value in C order: slices of it are arrays, and only what is asked for is made."""
    given = np.asarray(limit)
    try:
        return np.broadcast_to(given, shape).flat
    except ValueError as error:
        raise InvalidInputError(
            f"the clip limits do not fit values of shape {shape}",
            where="lo",
            hint="Give one number, or limits that broadcast to that shape",
        ) from error


def kl_divergence(x: ArrayLike, x_hat: ArrayLike, bins: int = 256) -> float:
    """Kullback-Leibler divergence, in nats, of the histogram of ``x_hat`` from that of ``x``.

    Both histograms have the same equal bins, from the smallest to the largest value of either, and each bin counts one
    more than it holds: so the divergence is finite where quantization leaves bins empty.

    Raises:
        InvalidInputError: as :func:`compare`, or the number of bins is invalid.
    """
    a, b = _pair(x, x_hat)
    lo, hi = min(a.min(), b.min()), max(a.max(), b.max())
    p, q = (histogram(values, bins, lo, hi).counts + 1.0 for values in (a, b))
    p, q = p / p.sum(), q / q.sum()
    return float((p * np.log(p / q)).sum())


@dataclass(frozen=True, slots=True, eq=False)
class CodeUse:
    """Which codes occur, and how often.

    Attributes:
        codes: int64, those that occur, ascending.
        counts: int64, how often each of them does.
        entropy: bits an ideal entropy coder would need for a code: at most ``log2`` of their number.
        occupancy: the share of all codes that occur at all.
    """

    codes: NDArray[np.int64]
    counts: NDArray[np.int64]
    entropy: float
    occupancy: float


def code_use(qtensor: QTensor) -> CodeUse:
    """Count the codes of a quantized tensor.

    Raises:
        InvalidInputError: it has no values.
    """
    codes = qtensor.codes.reshape(-1)
    if codes.size == 0:
        raise InvalidInputError("a tensor without values has no codes", where="qtensor", hint="Give at least one value")
    low, high = qtensor.scheme.element.limits(qtensor.scheme.narrow_range)
    if high - low < MOST_BINS:
        held = np.zeros(high - low + 1, np.int64)
        for start in range(0, codes.size, _CHUNK):
            held += np.bincount(codes[start : start + _CHUNK].astype(np.int64) - low, minlength=held.size)
        found = np.flatnonzero(held).astype(np.int64)
        found, counts = found + low, held[found]
    else:
        found, counts = (part.astype(np.int64) for part in np.unique(codes, return_counts=True))
    shares = counts / codes.size
    entropy = abs(float((shares * np.log2(shares)).sum()))
    return CodeUse(found, counts, entropy, found.size / (high - low + 1))


def measure(x: ArrayLike, qtensor: QTensor) -> dict[str, float]:
    """Everything about a quantized tensor in numbers.

    Returns:
        The measures of :func:`compare`; ``rounding_mse`` and ``clipping_mse``, which add up to ``mse``;
        ``clipped_share``; ``kl``, see :func:`kl_divergence`; ``code_entropy`` in bits; ``occupancy``; and
        ``bits_per_weight`` as stored. Errors are those of :func:`compare`.
    """
    x_hat = qtensor.dequantize()
    measures = compare(x, x_hat)
    scheme, limits = qtensor.scheme, clip_limits(qtensor.qparams, qtensor.scheme)
    grouping = scheme.grouping
    lo, hi = (limit if limit.size == 1 else grouping.expand(limit, x_hat.shape) for limit in (limits.lo, limits.hi))
    split, use = split_error(x, x_hat, lo, hi, bins=1), code_use(qtensor)
    return {
        **measures,
        "rounding_mse": split.rounding_mse,
        "clipping_mse": split.clipping_mse,
        "clipped_share": split.clipped / split.count,
        "kl": kl_divergence(x, x_hat),
        "code_entropy": use.entropy,
        "occupancy": use.occupancy,
        "bits_per_weight": qtensor.bits_per_weight,
    }
