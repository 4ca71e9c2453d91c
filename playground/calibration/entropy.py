"""Entropy, as ONNX Runtime does it: clip where the quantized histogram tells most about the original one.

The arithmetic is that of ``onnxruntime.quantization.calibrate.HistogramCollector.get_entropy_threshold``, float32 where
it is float32 there. With that tool's defaults (128 bins for 128 codes) there is a choice only once the histogram has
grown, that is when later batches reach further than the first.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.calibration._calibrator import Calibrator, Parameter
from playground.calibration._histogram import HistogramState, ValueHistogram
from playground.errors import InvalidInputError
from playground.quantization import Scheme

Counts = NDArray[np.int64]

_MOST_BINS = 1 << 14
"""The search takes a time that grows with the square of the bins; ONNX Runtime would go on adding them."""


def _start(scheme: Scheme, num_bins: int = 128, num_quantized_bins: int = 128) -> HistogramState[ValueHistogram]:
    if num_quantized_bins > num_bins:
        raise InvalidInputError(
            f"{num_quantized_bins} is more than num_bins, {num_bins}",
            where="num_quantized_bins",
            hint="Use at least as many bins as codes",
        )
    make = partial(ValueHistogram, num_bins, _MOST_BINS)
    return HistogramState(scheme, make, partial(_threshold, quantized=num_quantized_bins))


def _threshold(histogram: ValueHistogram, quantized: int) -> tuple[float, float]:
    """The bounds, out of all intervals around the middle bin, with the smallest Kullback-Leibler divergence."""
    counts, edges = histogram.counts, histogram.edges
    middle = counts.size // 2
    intervals = [(middle - half, min(middle + half + 1, counts.size)) for half in range(quantized // 2, middle + 1)]
    start, stop = intervals[int(np.argmin([_divergence(counts, *interval, quantized) for interval in intervals]))]
    return histogram.clip(edges[start], edges[stop])


def _divergence(counts: Counts, start: int, stop: int, quantized: int) -> Any:
    inside = counts[start:stop]
    reference = inside.copy()
    reference[0] += counts[:start].sum()
    reference[-1] += counts[stop:].sum()
    merged = inside.size // quantized
    whole = quantized * merged
    totals = inside[:whole].reshape(quantized, merged).sum(axis=1)
    totals[-1] += inside[whole:].sum()
    occupied = np.count_nonzero(reference[:whole].reshape(quantized, merged), axis=1)
    shares = totals // np.maximum(occupied, 1) * (occupied > 0)  # whole numbers: what a bin gets is cut off
    candidate = np.zeros(inside.size, np.int64)
    candidate[:whole] = np.repeat(shares, merged)
    p, q = _smoothed(reference), _smoothed(candidate)
    if p is None or q is None:
        return np.inf
    p, q = p / np.sum(p), q / np.sum(q)
    return np.sum(p * np.log(p / q))


def _smoothed(distribution: Counts, eps: float = 0.0001) -> NDArray[np.float32] | None:
    """Zeros become ``eps``, and what they get is taken from the others; None where there is nothing to take."""
    empty = distribution == 0
    zeros = int(np.count_nonzero(empty))
    taken = eps * float(zeros) / max(1, distribution.size - zeros)
    if zeros == distribution.size or taken >= 1:
        return None
    result = distribution.astype(np.float32)
    result += eps * empty.astype(np.float32) + (-taken) * (~empty).astype(np.float32)
    return result


CALIBRATOR = Calibrator(
    id="entropy",
    title="Entropy (ONNX Runtime)",
    summary="The smallest Kullback-Leibler divergence between the histogram and its quantized form.",
    source="onnxruntime EntropyCalibrater, 1.32",
    start=_start,
    splits_alike=False,
    parameters=(
        Parameter("num_bins", 128, 2, _MOST_BINS, True, "Bins of the first batch's histogram."),
        Parameter("num_quantized_bins", 128, 2, _MOST_BINS, True, "Codes that the histogram is quantized to."),
    ),
)
