"""Calibrators that are a formula or a search over all values that were seen: they share one way to see them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from playground.calibration._batches import Batches
from playground.calibration._points import Float64, Points, Sample
from playground.errors import UnsupportedError
from playground.quantization import Range, Scheme

Find = Callable[..., tuple[Float64, Float64]]
"""From points, the scheme and the calibrator's parameters to lower and upper bounds, both (scales, 1)."""


class SummaryState:
    """Collects values, and asks for the range of each scale when it is wanted.

    The same values in any order and in any batches give the same range.
    """

    def __init__(self, find: Find, even: bool, scheme: Scheme, **arguments: float) -> None:
        """Start with nothing seen; ``even``: the rule is for evenly spaced codes."""
        if even:
            even_limits(scheme)
        self._find = partial(find, scheme=scheme, **arguments)
        self._batches = Batches(scheme)
        self._sample = Sample()

    def update(self, batch: ArrayLike) -> None:
        """Collect the values of a batch."""
        self._sample.add(self._batches.split(self._batches.check(batch)))

    def range(self) -> Range:
        """What the calibrator makes of all values so far."""
        shape = self._batches.seen_shape()
        found = [self._find(points) for points in self._sample.points()]
        lo, hi = (np.concatenate(bound).astype(np.float32).reshape(shape) for bound in zip(*found, strict=True))
        return Range(lo, hi)


def summary(find: Find, *, even: bool = False) -> Callable[..., SummaryState]:
    """What ``Calibrator.start`` has to be for a calibrator that is a function of points.

    Args:
        find: the function.
        even: it holds for evenly spaced codes only, and other formats are refused when it starts.
    """
    return partial(SummaryState, find, even)


def even_limits(scheme: Scheme) -> tuple[int, int]:
    """Smallest and largest code, for rules that hold for evenly spaced codes only.

    Raises:
        UnsupportedError: the codes of this format are not evenly spaced.
    """
    if scheme.element.family != "integer":
        raise UnsupportedError(
            f"{scheme.calibrator} is a rule for evenly spaced codes, and those of {scheme.format} are not",
            where="calibrator",
            hint="Use 'minmax', 'percentile', 'mse' or 'lp_norm'",
        )
    return scheme.element.limits(scheme.narrow_range)


def clipped(points: Points, lo: Float64, hi: Float64) -> tuple[Float64, Float64]:
    """The bounds, drawn inside what was seen."""
    return np.clip(lo, points.lo, points.hi), np.clip(hi, points.lo, points.hi)
