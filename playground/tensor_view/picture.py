"""(model, settings, data) -> reports. Pure functions on plain data: no widgets, no messages, no state of the page."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.metrics import ErrorSums, histogram, split_error
from playground.quantization import QTensor, Range, Scheme, clip_limits, quantize_within
from playground.settings import Settings
from playground.tensor_view.levels import ScaleLevels, channel_ranges, places_of, reach, scale_levels, transfer
from playground.tensor_view.subject import Floats, Subject, counted_over_all

ERROR_BINS = 41
STAIRS = 512


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Everything the Tensor view shows about one tensor under one scheme; real units are the tensor's own.

    ``span`` holds all values, ``edges`` only their bulk if the settings zoom in. ``asked`` is the range that was
    calibrated or dragged; at ``handles`` it begins and ends once zero is drawn into it, or once it is made symmetric;
    ``lo`` and ``hi`` are what the codes then reach; beyond ``limits`` values are clipped. With several scales
    ``asked`` holds the ranges of all; ``edges``, ``counts``, ``scale``, ``zero_point`` and ``levels`` are those of one
    of them, ``shown_channel``: a channel, a row or a block; the settings' channel, else the one that reaches farthest.
    Channels run along ``axis``. The metrics are always those of the whole tensor; ``signal`` and ``noise`` are sums of
    squares. Formats with more than 256 levels list none of them; ``level_count`` says how many there are, ``numbers``
    what their codes stand for.
    """

    settings: Settings
    shape: tuple[int, ...]
    metrics: dict[str, float]
    signal: float
    noise: float
    asked: tuple[float, float]
    handles: tuple[float, float]
    lo: float
    hi: float
    limits: tuple[float, float]
    scale: float
    zero_point: int
    code_range: tuple[int, int]
    scales: int
    shown_channel: int | None
    axis: int
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    span: tuple[float, float]
    scheme: Scheme
    offset: float
    step: float
    levels: NDArray[np.float32]
    numbers: NDArray[np.float32]
    codes: NDArray[np.int64]
    level_counts: NDArray[np.int64]
    level_count: int
    clipped_share: float
    clipping_error_share: float
    error_edges: NDArray[np.float64]
    error_counts: NDArray[np.int64]
    transfer: tuple[NDArray[np.float32], NDArray[np.float32]]
    channel_lo: Floats
    channel_hi: Floats
    channel_order: NDArray[np.int64]
    channel_clip: tuple[Floats, Floats]
    channels: int
    bits_per_weight: float
    bytes_before: int
    bytes_after: int
    drawn: ScaleLevels

    @property
    def per_channel(self) -> bool:
        """Whether there are several scales: each channel, row or block has its own."""
        return self.shown_channel is not None

    @property
    def has_zero_point(self) -> bool:
        """Whether codes are integers, of which one means zero; otherwise they stand for numbers."""
        return self.scheme.number_format.family == "integer" and self.scheme.is_scaled

    def places_of(self, x: NDArray[Any]) -> NDArray[np.int64]:
        """Where values end up among the listed levels."""
        return places_of(self.drawn, x, self.scheme)

    def become(self, x: Floats) -> Floats:
        """What becomes of values under the scale that is drawn."""
        return transfer(self.drawn, x, self.scheme)


def channel_axis(settings: Settings, rank: int) -> int:
    """The axis that channels run along in a tensor of ``rank`` axes: the settings', or the nearest there is."""
    return min(max(settings.axis, -rank), rank - 1) % rank


def usable_scheme(settings: Settings, shape: tuple[int, ...]) -> Scheme:
    """The settings' scheme, with the axis brought into the shape's range."""
    scheme = settings.scheme
    if scheme.granularity == "channel":
        return replace(scheme, axis=channel_axis(settings, len(shape)))
    return scheme


def chosen_range(subject: Subject, settings: Settings, scheme: Scheme) -> Range:
    """The calibrated range, with the ends that a person has dragged put in the place of the calibrated ones.

    With several scales a dragged end is a limit that no range goes beyond. Where there is nothing to calibrate, the
    range is that of the values.
    """
    found = subject.calibrated(scheme) if scheme.needs_range else Range(subject.edges[0], subject.edges[-1])
    if scheme.granularity != "tensor" and scheme.needs_range:
        ends = (-np.inf if settings.lo is None else settings.lo, np.inf if settings.hi is None else settings.hi)
        low, high = np.float32(min(ends)), np.float32(max(ends))
        return Range(np.clip(found.lo, low, high), np.clip(found.hi, low, high))
    lo = found.lo if settings.lo is None else np.full_like(found.lo, settings.lo)
    hi = found.hi if settings.hi is None else np.full_like(found.hi, settings.hi)
    return Range(np.minimum(lo, hi), np.maximum(lo, hi))


def quantize_subject(subject: Subject, settings: Settings) -> tuple[QTensor, Range]:
    """The subject quantized as the settings say, and the range that was used."""
    scheme = usable_scheme(settings, subject.values.shape)
    extent = chosen_range(subject, settings, scheme)
    dragged = settings.lo is not None or settings.hi is not None
    clip = extent if scheme.needs_range or dragged else None
    override = None if scheme.symmetric else settings.zero_point
    return quantize_within(subject.values, clip, scheme, zero_point=override), extent


def picture_of(subject: Subject, settings: Settings) -> tuple[Picture, Floats]:
    """Quantize a tensor and say everything about it.

    Returns:
        The report, and the dequantized values (float32, the tensor's shape).

    Raises:
        InvalidInputError: the settings make no scheme for this tensor.
    """
    x = subject.values
    qtensor, extent = quantize_subject(subject, settings)
    x_hat = qtensor.dequantize()
    scheme, qparams = qtensor.scheme, qtensor.qparams
    axis, several = channel_axis(settings, x.ndim), scheme.granularity != "tensor"
    drawn = scale_levels(qtensor, _chosen_channel(settings, scheme, x.shape[axis]))
    limits = clip_limits(qparams, scheme)
    edges, counts = _histogram(subject, settings, scheme, drawn.number)
    low, high = (scheme.grouping.expand(end, x.shape) if several else end for end in (limits.lo, limits.hi))
    split = split_error(x, x_hat, low, high, bins=1)
    sums = ErrorSums()
    sums.update(x, x_hat)
    asked = (float(extent.lo.min()), float(extent.hi.max()))
    error_edges, error_counts = _error_histogram(x_hat - x, drawn.step)
    stairs = np.linspace(edges[0], edges[-1], STAIRS, dtype=np.float32)
    return Picture(
        settings=settings,
        shape=x.shape,
        metrics=sums.measures(),
        signal=sums.signal,
        noise=sums.noise,
        asked=asked,
        handles=_handles(asked, scheme),
        lo=drawn.lo,
        hi=drawn.hi,
        limits=drawn.limits,
        scale=drawn.scale,
        zero_point=drawn.zero_point,
        code_range=drawn.code_range,
        scales=math.prod(qparams.scale.shape) if scheme.is_scaled else 0,
        shown_channel=drawn.number if several else None,
        axis=axis,
        edges=edges,
        counts=counts,
        span=(float(subject.edges[0]), float(subject.edges[-1])),
        scheme=scheme,
        offset=drawn.offset,
        step=drawn.step,
        levels=drawn.levels,
        numbers=drawn.numbers,
        codes=drawn.codes,
        level_counts=drawn.counts,
        level_count=drawn.level_count,
        clipped_share=split.clipped / split.count,
        clipping_error_share=split.clipping_mse / ((split.rounding_mse + split.clipping_mse) or 1),
        error_edges=error_edges,
        error_counts=error_counts,
        transfer=(stairs, transfer(drawn, stairs, scheme)),
        **channel_ranges(subject.channel_ranges(axis), axis, scheme, reach(qparams, scheme)),
        bits_per_weight=qtensor.bits_per_weight,
        bytes_before=x.nbytes,
        bytes_after=qtensor.nbytes,
        drawn=drawn,
    ), x_hat


def _chosen_channel(settings: Settings, scheme: Scheme, channels: int) -> int | None:
    """The channel that the settings name, if there are scales for channels and there is such a channel."""
    chosen = settings.channel
    return chosen if scheme.granularity == "channel" and chosen is not None and chosen < channels else None


def _histogram(
    subject: Subject, settings: Settings, scheme: Scheme, number: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Edges and counts of the values that have the drawn scale."""
    if scheme.granularity != "tensor":
        counted = counted_over_all(scheme.grouping.members(subject.values, number))
        return counted.edges, counted.counts
    return subject.zoomed() if settings.zoom else (subject.edges, subject.counts)


def holds_zero(scheme: Scheme) -> bool:
    """Whether zero is drawn into the range."""
    stretched = scheme.zero_in_range and scheme.convention_rules.range_includes_zero
    return scheme.needs_range and (scheme.symmetric or stretched)


def _handles(asked: tuple[float, float], scheme: Scheme) -> tuple[float, float]:
    """Where a range begins and ends once zero is in it, or it is made symmetric, as the scheme demands."""
    lo, hi = asked
    if scheme.needs_range and scheme.symmetric:
        largest = max(-lo, hi, 0.0)
        return -largest, largest
    return (min(lo, 0.0), max(hi, 0.0)) if holds_zero(scheme) else asked


def _error_histogram(error: Floats, step: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Errors within three half steps; what clipping puts further out is counted in the outermost bins."""
    largest = float(np.abs(error).max())
    widest = min(largest, 1.5 * step if step else largest) or 1.0
    counted = histogram(error, ERROR_BINS, -widest, widest)
    counted.counts[0] += counted.below
    counted.counts[-1] += counted.above
    return counted.edges, counted.counts
