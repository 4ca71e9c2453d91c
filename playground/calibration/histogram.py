"""PyTorch's histogram observer: clip where the expected squared error of the codes stops falling.

All steps are in float32 where PyTorch's are, in the same order. Where that order depends on the machine (the sum of a
histogram's errors), ours is in float64.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.calibration._calibrator import Calibrator, Parameter
from playground.calibration._histogram import HistogramState
from playground.calibration._summary import even_limits
from playground.quantization import Scheme

_UPSAMPLING = 16
_STEP = 1e-5


class ObservedHistogram:
    """Counts between the smallest and the largest value so far; stretched, not counted again, when those change."""

    def __init__(self, bins: int) -> None:
        """Start empty."""
        self.bins = bins
        self.counts: Float32 = np.zeros(bins, np.float32)
        self.lo, self.hi = np.float32(np.inf), np.float32(-np.inf)

    def update(self, x: Float32) -> None:
        """Count the values of a non-empty array."""
        lo, hi = min(self.lo, x.min()), max(self.hi, x.max())
        counts = _counts(x, self.bins, lo, hi)
        if self.lo > self.hi:
            self.counts = counts
        elif (lo, hi) == (self.lo, self.hi):
            self.counts = self.counts + counts
        elif self.lo == self.hi:
            self.counts = _counts(np.array([self.lo]), self.bins, lo, hi) * self.counts.sum() + counts
        else:
            self.counts = counts + self._stretched(lo, hi)
        self.lo, self.hi = lo, hi

    def _stretched(self, lo: np.float32, hi: np.float32) -> Float32:
        """The counts over another range: each bin in sixteenths, which go where their middles lie."""
        parts = self.bins * _UPSAMPLING
        share = np.repeat(self.counts, _UPSAMPLING) / np.float32(_UPSAMPLING)
        middles = _spaced(self.lo, self.hi, parts)[:-1] + np.float32(0.5) * ((self.hi - self.lo) / np.float32(parts))
        places = np.searchsorted(_spaced(lo, hi, self.bins), middles, side="right") - 1
        result = np.zeros(self.bins, np.float32)
        np.add.at(result, np.clip(places, 0, self.bins - 1), share)  # one after the other, in float32
        return result


def _counts(x: Float32, bins: int, lo: np.float32, hi: np.float32) -> Float32:
    """As ``torch.histc``: a range without width is widened by one to both sides."""
    if lo == hi:
        lo, hi = lo - np.float32(1), hi + np.float32(1)
    places = ((x - lo) * np.float32(bins) / (hi - lo)).astype(np.intp)
    return np.bincount(np.minimum(places, bins - 1), minlength=bins).astype(np.float32)


def _spaced(lo: np.float32, hi: np.float32, parts: int) -> Float32:
    """As ``torch.linspace``: from either end to the middle, multiplied and added in one operation rounded once."""
    step = np.float64((hi - lo) / np.float32(parts))
    at = np.arange(parts + 1)
    values = np.where(at < (parts + 1) // 2, np.float64(lo) + step * at, np.float64(hi) - step * (parts - at))
    return values.astype(np.float32)


def _search(histogram: ObservedHistogram, codes: int) -> tuple[float, float]:
    """Cut a hundred-thousandth off one end after the other, until the error grows."""
    total = histogram.counts.sum(dtype=np.float64).astype(np.float32).astype(np.float64)
    below = np.cumsum(histogram.counts, dtype=np.float64).astype(np.float32).tolist()
    alphas, betas = _shares()
    from_left, from_right = ((shares * total).astype(np.float32) for shares in (alphas, betas))
    start, end = 0, histogram.bins - 1
    i = j = 0
    least = np.inf
    while alphas[i] < betas[j]:
        left = max(start, min(end, bisect_left(below, from_left[i + 1])))
        right = min(end, max(start, bisect_right(below, from_right[j + 1]) - 1))
        if left - start > end - right:
            i, following = i + 1, (left, end)
        elif right < end:
            j, following = j + 1, (start, right)
        else:  # nothing moves until beta is so small that the right end does
            moves = from_right[j + 1 :] < below[end]
            if start == end or not moves.any():
                break
            j += int(np.argmax(moves))
            continue
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # where bins have next to no width
            error = _error(histogram, *following, codes)
        if error > least:
            break
        least, (start, end) = error, following
    width = (histogram.hi - histogram.lo) / np.float32(histogram.bins)
    return float(histogram.lo + width * np.float32(start)), float(histogram.lo + width * np.float32(end + 1))


@cache
def _shares() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is cut off on the left, and what is left on the right, after so many steps: added up one by one."""
    steps = np.full(round(1 / _STEP) + 2, _STEP)
    return np.add.accumulate(np.append(0.0, steps)), np.subtract.accumulate(np.append(1.0, steps))


def _error(histogram: ObservedHistogram, start: int, end: int, codes: int) -> float:
    """The squared error if the codes divide bins ``start .. end`` and values lie evenly in their bins."""
    width = (float(histogram.hi) - float(histogram.lo)) / histogram.bins
    step = width * (end - start + 1) / codes
    if step == 0.0:
        return 0.0
    begins = (np.arange(histogram.bins) - start).astype(np.float32) * np.float32(width)
    ends = begins + np.float32(width)
    first, last = (np.clip(np.floor_divide(x, np.float32(step)), 0, codes - 1) for x in (begins, ends))
    density = histogram.counts / np.float32(width)
    half = np.float32(step / 2)
    error = _integral(begins - (first + np.float32(0.5)) * np.float32(step), half, density)
    error += (last - first - np.float32(1)) * _integral(-half, half, density)
    error += _integral(-half, ends - (last * np.float32(step) + half), density)
    return float(error.sum(dtype=np.float64))


def _integral(begin: Any, end: Any, density: Float32) -> NDArray[np.float32]:
    """Squared distances from ``begin`` to ``end``, at a density."""
    cubes: NDArray[np.float32] = (end * end * end - begin * begin * begin) / np.float32(3)
    return density * cubes


def _start(scheme: Scheme, bins: int = 2048) -> HistogramState[ObservedHistogram]:
    even_limits(scheme)
    codes = 1 << scheme.element.bits
    return HistogramState(scheme, partial(ObservedHistogram, bins), partial(_search, codes=codes))


CALIBRATOR = Calibrator(
    id="histogram",
    title="Histogram (PyTorch)",
    summary="Gives up the ends of the histogram as long as the expected squared error falls.",
    source="torch 2.13 HistogramObserver; PyTorch has it per tensor only, here each scale has its own",
    start=_start,
    splits_alike=False,
    parameters=(Parameter("bins", 2048, 2, 1 << 16, True, "Bins of the histogram."),),
)
