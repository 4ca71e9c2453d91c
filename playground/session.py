"""(model, settings, data) -> reports. Pure functions on plain data: no widgets, no messages, no state of the page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import as_float32, require_values
from playground.calibration import calibrate
from playground.core import QTensor, Range, Scheme, choose_qparams, clip_limits, encode, levels
from playground.errors import MissingError
from playground.metrics import Histogram, compare, histogram, split_error
from playground.model.graph import Model
from playground.settings import Settings

BINS = 120
ERROR_BINS = 41
STAIRS = 512
MOST_CHANNELS = 64

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A tensor that is being looked at, with what does not depend on the settings worked out once.

    Attributes:
        name: the tensor's name in its model.
        values: float32, contiguous, finite, at least one element.
        edges: float64 (BINS + 1,), the edges of the histogram's bins.
        counts: int64 (BINS,), values in each bin.
    """

    name: str
    values: Floats
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TensorReport:
    """Everything the Tensor view shows about one tensor under one scheme; real units are the tensor's own.

    ``span`` holds all values, ``edges`` only their bulk if the settings zoom in. ``asked`` is the range that was
    calibrated or dragged; ``lo`` and ``hi`` are what the codes then reach, which differs because zero has to be a code;
    beyond ``limits`` values are clipped. With a scheme per channel, all these,
    ``scale``, ``zero_point`` and ``levels`` are those of the channel with the widest range, ``shown_channel``; the
    metrics are always those of the whole tensor.
    """

    settings: Settings
    shape: tuple[int, ...]
    metrics: dict[str, float]
    asked: tuple[float, float]
    lo: float
    hi: float
    limits: tuple[float, float]
    scale: float
    zero_point: int
    code_range: tuple[int, int]
    scales: int
    shown_channel: int | None
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    span: tuple[float, float]
    levels: NDArray[np.float32]
    codes: NDArray[np.int64]
    level_counts: NDArray[np.int64]
    clipped_share: float
    clipping_error_share: float
    error_edges: NDArray[np.float64]
    error_counts: NDArray[np.int64]
    transfer: tuple[NDArray[np.float32], NDArray[np.float32]]
    channel_lo: Floats
    channel_hi: Floats
    channel_rows: NDArray[np.int64]
    channel_clip: tuple[Floats, Floats]
    channels: int
    bits_per_weight: float
    bytes_before: int
    bytes_after: int

    @property
    def per_channel(self) -> bool:
        """Whether each channel has a scale of its own."""
        return self.shown_channel is not None

    def code_of(self, x: NDArray[Any]) -> NDArray[np.int64]:
        """The codes that the shown scale and zero-point give the values ``x``."""
        low, high = self.code_range
        nearest = np.rint(x / self.scale) + self.zero_point if self.scale else np.full(x.shape, self.zero_point)
        codes: NDArray[np.int64] = np.clip(nearest, low, high).astype(np.int64)
        return codes


def tensor_named(model: Model, name: str) -> str:
    """``name`` if the model has such a floating-point tensor, else its largest one.

    Raises:
        MissingError: the model has no tensor that could be quantized.
    """
    candidates = quantizable(model)
    if not candidates:
        raise MissingError(
            "no floating-point tensor with at least one axis", where=model.name, hint="Open another model"
        )
    return name if name in candidates else max(candidates, key=lambda n: model.tensors[n].size)


def quantizable(model: Model) -> tuple[str, ...]:
    """Names of the tensors that the Tensor view can show: floating point, at least one axis, not empty."""
    return tuple(n for n, t in model.tensors.items() if "float" in t.dtype and t.shape and t.size)


def subject_of(model: Model, name: str) -> Subject:
    """Read a tensor and count its histogram.

    Raises:
        MissingError: the model has no tensor of that name.
        InvalidInputError: it is empty, or has a NaN or an infinity in it.
    """
    if name not in model.tensors:
        raise MissingError(f"no tensor {name!r}", where=model.name)
    values = require_values(np.ascontiguousarray(as_float32(model.tensors[name].numpy(), name)), name)
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    counted = histogram(values, BINS, low, high)
    return Subject(name, values, counted.edges, counted.counts)


BULK = (0.1, 99.9)
"""Percentiles between which "the bulk" of a tensor lies; a zoomed histogram shows it and a fifth more at each side."""


@lru_cache(maxsize=4)
def zoomed(subject: Subject) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Edges and counts of the histogram of the bulk of the values; outliers are left out."""
    low, high = (float(value) for value in np.percentile(subject.values, BULK))
    margin = 0.2 * (high - low)
    if margin == 0:
        return subject.edges, subject.counts
    counted = histogram(subject.values, BINS, low - margin, high + margin)
    return counted.edges, counted.counts


@lru_cache(maxsize=8)
def channel_ranges(subject: Subject, axis: int) -> tuple[Floats, Floats]:
    """The smallest and the largest value of every channel along ``axis``: two float32 arrays (channels,)."""
    others = tuple(i for i in range(subject.values.ndim) if i != axis)
    return subject.values.min(axis=others), subject.values.max(axis=others)


def usable_scheme(settings: Settings, shape: tuple[int, ...]) -> Scheme:
    """The settings' scheme, with the axis brought into the shape's range."""
    scheme = settings.scheme
    if scheme.granularity == "channel":
        axis = min(max(settings.axis, -len(shape)), len(shape) - 1) % len(shape)
        return settings.with_(axis=axis).scheme
    return scheme


def chosen_range(subject: Subject, settings: Settings, scheme: Scheme) -> Range:
    """The calibrated range, with the ends that a person has dragged put in the place of the calibrated ones.

    Per channel a dragged end is a limit that no channel's range goes beyond.
    """
    calibrated = calibrated_range(subject, scheme)
    lo, hi = calibrated.lo, calibrated.hi
    if settings.lo is not None:
        lo = np.maximum(lo, settings.lo) if scheme.granularity == "channel" else np.full_like(lo, settings.lo)
    if settings.hi is not None:
        hi = np.minimum(hi, settings.hi) if scheme.granularity == "channel" else np.full_like(hi, settings.hi)
    return Range(np.minimum(lo, hi), np.maximum(lo, hi))


@lru_cache(maxsize=16)
def calibrated_range(subject: Subject, scheme: Scheme) -> Range:
    """What the scheme's calibrator makes of the whole tensor."""
    return calibrate(subject.values, scheme)


def quantize_subject(subject: Subject, settings: Settings) -> tuple[QTensor, Range]:
    """The subject quantized as the settings say, and the range that was used."""
    scheme = usable_scheme(settings, subject.values.shape)
    extent = chosen_range(subject, settings, scheme)
    override = None if scheme.symmetric else settings.zero_point
    qparams = choose_qparams(extent, scheme, zero_point=override)
    codes = encode(subject.values, qparams, scheme)
    return QTensor(codes, qparams, scheme, subject.values.shape), extent


def tensor_report(subject: Subject, settings: Settings) -> tuple[TensorReport, Floats]:
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
    shown = int(np.argmax(qparams.scale)) if scheme.granularity == "channel" else None
    one = shown or 0
    scale, zero_point = float(qparams.scale.reshape(-1)[one]), int(qparams.zero_point.reshape(-1)[one])
    low, high = scheme.limits
    codes = np.arange(low, high + 1)
    reached = levels(qparams, scheme).reshape(-1, codes.size)
    limits = clip_limits(qparams, scheme)
    edges, counts = zoomed(subject) if settings.zoom else (subject.edges, subject.counts)
    split = split_error(x, x_hat, limits.lo, limits.hi, bins=1)
    counted = qtensor.codes if shown is None else np.take(qtensor.codes, shown, scheme.axis)
    errors = _error_histogram(x_hat - x, scale)
    return TensorReport(
        settings=settings,
        shape=x.shape,
        metrics=compare(x, x_hat),
        asked=(float(extent.lo.reshape(-1)[one]), float(extent.hi.reshape(-1)[one])),
        lo=float(reached[one, 0]),
        hi=float(reached[one, -1]),
        limits=(float(limits.lo.reshape(-1)[one]), float(limits.hi.reshape(-1)[one])),
        scale=scale,
        zero_point=zero_point,
        code_range=(low, high),
        scales=qparams.scale.size,
        shown_channel=shown,
        edges=edges,
        counts=counts,
        span=(float(subject.edges[0]), float(subject.edges[-1])),
        levels=reached[one],
        codes=codes,
        level_counts=np.bincount(counted.reshape(-1).astype(np.int64) - low, minlength=codes.size),
        clipped_share=split.clipped / split.count,
        clipping_error_share=split.clipping_mse / ((split.rounding_mse + split.clipping_mse) or 1),
        error_edges=errors.edges,
        error_counts=errors.counts + _at_ends(errors),
        transfer=_staircase(edges, scale, zero_point, (low, high)),
        **_channels(subject, settings, reached[:, 0], reached[:, -1]),
        bits_per_weight=qtensor.bits_per_weight,
        bytes_before=x.nbytes,
        bytes_after=qtensor.nbytes,
    ), x_hat


def _error_histogram(error: Floats, scale: float) -> Histogram:
    """Errors within three half steps; what clipping puts further out is counted in the outermost bins."""
    widest = min(float(np.abs(error).max()), 1.5 * scale) or 1.0
    return histogram(error, ERROR_BINS, -widest, widest)


def _at_ends(counted: Histogram) -> NDArray[np.int64]:
    ends = np.zeros(counted.counts.size, np.int64)
    ends[0], ends[-1] = counted.below, counted.above
    return ends


def _staircase(
    edges: NDArray[np.float64], scale: float, zero_point: int, limits: tuple[int, int]
) -> tuple[Floats, Floats]:
    x = np.linspace(edges[0], edges[-1], STAIRS, dtype=np.float32)
    codes = np.clip(np.rint(x / scale) + zero_point, *limits) if scale else np.full(x.shape, zero_point)
    return x, ((codes - zero_point) * scale).astype(np.float32)


def _channels(subject: Subject, settings: Settings, clip_lo: Floats, clip_hi: Floats) -> dict[str, Any]:
    """The channels' ranges, widest first, at most MOST_CHANNELS of them, evenly picked."""
    axis = settings.axis % subject.values.ndim if -subject.values.ndim <= settings.axis < subject.values.ndim else 0
    lo, hi = channel_ranges(subject, axis)
    order = np.argsort(lo - hi, kind="stable")
    if order.size > MOST_CHANNELS:
        order = order[np.linspace(0, order.size - 1, MOST_CHANNELS).astype(np.int64)]
    wide = (np.broadcast_to(clip.reshape(-1), lo.shape)[order] for clip in (clip_lo, clip_hi))
    return {
        "channel_lo": lo[order],
        "channel_hi": hi[order],
        "channel_rows": np.arange(order.size),
        "channel_clip": tuple(wide),
        "channels": int(lo.size),
    }
