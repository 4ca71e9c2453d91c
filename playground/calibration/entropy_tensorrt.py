"""Entropy, as TensorRT describes it: of all thresholds, the one that loses least information.

S. Migacz, "8-bit Inference with TensorRT", GTC 2017, gives the search in pseudocode: 2048 bins of magnitudes,
candidates from 128 bins on, what lies beyond a candidate is added to its last bin, and the same bins in 128 levels,
each spread over the bins that hold something, are what it is compared with.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.calibration._calibrator import Calibrator, Parameter
from playground.calibration._histogram import HistogramState
from playground.calibration._summary import even_limits
from playground.errors import UnsupportedError
from playground.quantization import Scheme

_MOST_LEVELS = 1 << 10
"""Half the bins: with more, there is next to no choice."""


class MagnitudeHistogram:
    """Counts of absolute values in bins from zero, as wide as a power of two.

    When values do not fit, pairs of bins become one, so that the counts do not depend on what came when. The largest
    value lies in the upper half of the bins.
    """

    def __init__(self, bins: int) -> None:
        """Start empty, with twice as many bins as there have to be up to the largest value."""
        self.counts: NDArray[np.int64] = np.zeros(2 * bins, np.int64)
        self._exponent: int | None = None  # bins are 2 ** exponent wide
        self.lo, self.hi = np.inf, -np.inf

    @property
    def width(self) -> float:
        """How wide a bin is; 0 when there were only zeros."""
        return 0.0 if self._exponent is None else 2.0**self._exponent

    def update(self, x: Float32) -> None:
        """Count the absolute values of a non-empty array."""
        self.lo, self.hi = min(self.lo, float(x.min())), max(self.hi, float(x.max()))
        magnitude = np.abs(x).astype(np.float64)
        largest = float(magnitude.max())
        bins = self.counts.size
        if largest:
            needed = int(np.frexp(largest)[1]) - int(np.log2(bins))
            while self._exponent is not None and self._exponent < needed:
                self.counts = np.concatenate((self.counts.reshape(-1, 2).sum(axis=1), np.zeros(bins // 2, np.int64)))
                self._exponent += 1
            self._exponent = needed if self._exponent is None else self._exponent
        places = (magnitude / self.width).astype(np.intp) if self.width else np.zeros(x.size, np.intp)
        self.counts += np.bincount(places, minlength=bins)


def _start(scheme: Scheme, num_bins: int = 2048) -> HistogramState[MagnitudeHistogram]:
    qmin, qmax = even_limits(scheme)
    levels = qmax + 1 if qmin < 0 else (qmax - qmin + 1) // (2 if scheme.symmetric else 1)
    if levels > _MOST_LEVELS:
        raise UnsupportedError(
            f"{scheme.format} has more levels than the search can tell apart",
            where="calibrator",
            hint="Use 'minmax', 'mse' or 'percentile'",
        )
    bins = 1 << (max(num_bins, levels) - 1).bit_length()
    return HistogramState(scheme, partial(MagnitudeHistogram, bins), partial(_range, levels=max(1, levels)))


def _range(histogram: MagnitudeHistogram, levels: int) -> tuple[float, float]:
    threshold = best_threshold(histogram.counts, levels) * histogram.width
    return max(histogram.lo, min(-threshold, histogram.hi)), min(histogram.hi, max(threshold, histogram.lo))


def best_threshold(counts: NDArray[np.int64], levels: int) -> float:
    """Where to clip, in bins: half a bin beyond the candidate with the smallest divergence."""
    used = int(np.flatnonzero(counts)[-1]) + 1
    kept = np.arange(min(levels, used), used + 1, dtype=np.int64)
    found = divergences(counts[:used], kept, levels)
    return float(kept[int(np.argmin(np.round(found, 12)))]) + 0.5  # equal ones differ by rounding


def divergences(counts: NDArray[np.int64], kept: NDArray[np.int64], levels: int) -> NDArray[np.float64]:
    """Kullback-Leibler divergence of the first ``kept`` bins in ``levels`` levels from all bins clipped to them.

    Its sum over bins is one of cumulative sums at the ends of levels, so that all candidates take one matrix.

    Args:
        counts: int64 (bins,), the last one not zero.
        kept: candidates, ascending.
        levels: into how many the kept bins are merged.

    Returns:
        Nats, a candidate each; infinite where the candidate has nothing in the bin that the clipped values go to.
    """
    total = float(counts.sum())
    entropy = np.where(counts > 0, counts * np.log(np.maximum(counts, 1)), 0.0)
    ends = -(-np.arange(levels + 1, dtype=np.int64) * kept[:, None] // levels)
    inside, occupied, own = (_summed(x, ends) for x in (counts, counts > 0, entropy))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(inside > 0, np.log(inside / occupied), 0.0)  # log of what each bin of a level gets
        last = counts[kept - 1].astype(np.float64)
        within = inside.sum(axis=1)
        beyond = total - within
        clipped = last + beyond
        reference = own.sum(axis=1) - np.where(last > 0, last * np.log(last), 0) + clipped * np.log(clipped)
        candidate = (inside * share).sum(axis=1) + beyond * share[:, -1]
        result = (reference - candidate) / total - math.log(total) + np.log(within)
    return np.where((beyond > 0) & (last == 0), np.inf, result)


def _summed(x: NDArray[Any], ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums between neighbouring ends."""
    cumulative = np.concatenate(([0.0], np.cumsum(x, dtype=np.float64)))
    return np.diff(cumulative[ends], axis=1)


CALIBRATOR = Calibrator(
    id="entropy_tensorrt",
    title="Entropy (TensorRT)",
    summary="The threshold on magnitudes that loses least information, out of a fine histogram.",
    source='S. Migacz, "8-bit Inference with TensorRT", GTC 2017, slides 38 to 41',
    start=_start,
    parameters=(Parameter("num_bins", 2048, 128, 1 << 13, True, "Bins up to the largest magnitude, at the least."),),
)
