"""What searches for a range share: the error that a candidate makes, with the scheme's own arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from playground.calibration._points import Float64, Points
from playground.number_formats import FORMATS
from playground.quantization import QTensor, Range, Scheme, choose_qparams, encode

Error = Callable[[Float64, Float64], Float64]
"""From lower and upper bounds (scales, 1) to errors (scales, 1)."""


def by_row(scheme: Scheme) -> Scheme:
    """The scheme for points, which have a row a scale: a block format's elements, with scales that are not rounded."""
    element = scheme.element
    own = scheme.format if scheme.number_format.family != "block" else element.id
    return replace(
        scheme,
        format=own if own in FORMATS else f"int{element.bits}",
        granularity="channel",
        axis=0,
        block_size=None,
        scaled=scheme.is_scaled,
        scale_scheme=None,
        centre=False,
    )


def error_of(points: Points, scheme: Scheme, power: float) -> Error:
    """The mean of \\|error\\| ** power that quantizing would make, as a function of the range."""
    rows = by_row(scheme)
    values = points.values.astype(np.float32)

    def error(lo: Float64, hi: Float64) -> Float64:
        qparams = choose_qparams(Range(lo, hi), rows)
        with np.errstate(over="ignore"):  # the outermost level of the widest range may lie beyond float32
            found = QTensor(encode(values, qparams, rows), qparams, rows, values.shape).dequantize()
        distance = np.abs(found.astype(np.float64) - points.values)
        return points.mean(distance * distance if power == 2 else distance**power)

    return error


class Best:
    """The best range so far, each scale for itself; of equally good ones the first."""

    def __init__(self, error: Error, lo: Float64, hi: Float64) -> None:
        """Start with a range."""
        self._measure = error
        self.lo, self.hi, self.error = lo, hi, error(lo, hi)

    def offer(self, lo: Float64, hi: Float64) -> None:
        """Take another range where it is better."""
        error = self._measure(lo, hi)
        better = error < self.error
        self.lo, self.hi = np.where(better, lo, self.lo), np.where(better, hi, self.hi)
        self.error = np.where(better, error, self.error)
