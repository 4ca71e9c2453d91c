"""How far a quantized tensor is from the original: errors, signal-to-noise ratio, histograms."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.arrays import Float32, as_float32, require_values
from playground.errors import InvalidInputError

_CHUNK = 1 << 16
"""Values per step: temporaries stay in the cache, and sums are formed in float64 without copying all of x."""


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
        noise += float(d @ d)
        signal += float(p @ p)
        estimate += float(q @ q)
        inner += float(p @ q)
        total += float(d.sum())
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
