"""One scale of a quantized tensor for the plots: its levels, the number of values at each, and its staircase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.quantization import QParams, QTensor, Scheme, clip_limits

Int64 = NDArray[np.int64]

MOST_CHANNELS = 64

MOST_LEVELS = 256
"""With more levels than this they are not listed: between neighbours there would be nothing to see."""


@dataclass(frozen=True, slots=True, eq=False)
class ScaleLevels:
    """The levels that one scale gives: ``level = scale * (number - zero_point) + offset``.

    Attributes:
        number: which scale it is, in C order.
        scale: its size; 1 in a plain cast, negative in some of ggml's blocks.
        zero_point: the code that means 0; 0 unless the format is an integer one.
        offset: what is added; 0 where nothing is.
        code_range: smallest and largest code.
        levels: float32, ascending; empty if there are more than :data:`MOST_LEVELS`.
        numbers: float32, what each level's code stands for before scaling.
        codes: int64, each level's code; for formats other than integers its place.
        counts: int64, how many values of this scale lie on each level.
        level_count: how many levels there are, listed or not; 0 if they are beyond counting.
        lo: the lowest level.
        hi: the highest level.
        limits: beyond these values are clipped.
        step: the widest gap between two neighbours, or 0 if they are not listed.
    """

    number: int
    scale: float
    zero_point: int
    offset: float
    code_range: tuple[int, int]
    levels: Float32
    numbers: Float32
    codes: Int64
    counts: Int64
    level_count: int
    lo: float
    hi: float
    limits: tuple[float, float]
    step: float


def scale_levels(qtensor: QTensor, number: int | None = None) -> ScaleLevels:
    """The levels of scale ``number``; None: of the scale whose levels reach farthest."""
    scheme, qparams = qtensor.scheme, qtensor.qparams
    number = _farthest(qparams) if number is None else number
    scale, point = (float(part.reshape(-1)[number]) for part in (qparams.scale_values, qparams.zero_point))
    offsets = qparams.offset_values
    offset = 0.0 if offsets is None else float(offsets.reshape(-1)[number])
    numbers, level_count = _numbers(qtensor, number)
    codes = np.arange(numbers.size, dtype=np.int64)
    if scheme.element.family == "integer":
        codes += scheme.limits[0]
    counts = _counts(qtensor, number, numbers)
    levels = ((numbers - np.float32(point)) * np.float32(scale) + np.float32(offset)).astype(np.float32)
    ends = [(end - point) * scale + offset for end in _ends(scheme, numbers)]
    limits = clip_limits(qparams, scheme)
    turned = slice(None, None, -1 if scale < 0 else 1)
    return ScaleLevels(
        number=number,
        scale=scale,
        zero_point=int(point),
        offset=offset,
        code_range=scheme.limits,
        levels=levels[turned],
        numbers=numbers[turned],
        codes=codes[turned],
        counts=counts[turned],
        level_count=level_count,
        lo=float(levels.min()) if levels.size else min(ends),
        hi=float(levels.max()) if levels.size else max(ends),
        limits=(float(limits.lo.reshape(-1)[number]), float(limits.hi.reshape(-1)[number])),
        step=_step(levels, abs(scale), scheme),
    )


def _farthest(qparams: QParams) -> int:
    if qparams.codebook is not None:
        return int(np.argmax(np.abs(qparams.codebook).max(axis=-1)))
    return int(np.argmax(np.abs(qparams.scale_values)))


def _step(levels: Float32, scale: float, scheme: Scheme) -> float:
    """The widest gap between two neighbours: the scale itself where codes are integers."""
    if scheme.number_format.family == "integer":
        return scale
    return float(np.abs(np.diff(levels)).max()) if levels.size > 1 else 0.0


def _numbers(qtensor: QTensor, number: int) -> tuple[Float32, int]:
    """What codes stand for, ascending, if they are few; and how many there are."""
    scheme, book = qtensor.scheme, qtensor.qparams.codebook
    element = scheme.element
    if book is not None:
        return book.reshape(-1, book.shape[-1])[number], book.shape[-1]
    if element.family == "integer":
        low, high = scheme.limits
        few = high - low < MOST_LEVELS
        return element.decode(np.arange(low, high + 1 if few else low, dtype=np.int64)), high - low + 1
    if element.bits > 16:
        return np.zeros(0, np.float32), 0
    grid = element.grid
    return grid if grid.size <= MOST_LEVELS else grid[:0], grid.size


def _ends(scheme: Scheme, numbers: Float32) -> tuple[float, float]:
    if numbers.size:
        return float(numbers[0]), float(numbers[-1])
    if scheme.element.family == "integer":
        low, high = scheme.element.decode(np.array(scheme.limits)).tolist()
        return low, high
    return scheme.element.smallest, scheme.element.largest


def _counts(qtensor: QTensor, number: int, numbers: Float32) -> Int64:
    """How many of the scale's values stand for each number."""
    if not numbers.size:
        return np.zeros(0, np.int64)
    codes = qtensor.scheme.grouping.members(np.ascontiguousarray(qtensor.codes), number)
    if qtensor.qparams.codebook is not None:
        places = codes.astype(np.int64)
    elif qtensor.scheme.element.family == "integer":
        places = codes.astype(np.int64) - qtensor.scheme.limits[0]
    else:
        places = np.searchsorted(numbers, qtensor.scheme.element.decode(codes))
    return np.bincount(places, minlength=numbers.size).astype(np.int64)


def places_of(drawn: ScaleLevels, x: NDArray[Any], scheme: Scheme) -> Int64:
    """Where values end up among the listed levels; integers by the formula, others on the nearest level."""
    if scheme.number_format.family == "integer":
        low, high = drawn.code_range
        codes = np.clip(np.rint((x - drawn.offset) / drawn.scale) + drawn.zero_point, low, high)
        places: Int64 = codes.astype(np.int64) - low
        return places
    middles = (drawn.levels[:-1].astype(np.float64) + drawn.levels[1:]) / 2
    return np.searchsorted(middles, x).astype(np.int64)


def transfer(drawn: ScaleLevels, x: Float32, scheme: Scheme) -> Float32:
    """What becomes of values under this scale."""
    if drawn.levels.size:
        return drawn.levels[places_of(drawn, x, scheme)]
    steps = ((x - np.float32(drawn.offset)) / np.float32(drawn.scale or 1)).astype(np.float32)
    if scheme.element.family == "integer":
        low, high = drawn.code_range
        numbers = np.clip(np.rint(steps) + drawn.zero_point, low, high) - drawn.zero_point
    else:
        codes = scheme.element.encode(steps, scheme.rounding_rule, saturate=scheme.saturate)
        numbers = scheme.element.decode(codes)
    made: Float32 = (numbers * np.float32(drawn.scale) + np.float32(drawn.offset)).astype(np.float32)
    return made


def reach(qparams: QParams, scheme: Scheme) -> tuple[Float32, Float32]:
    """The lowest and the highest level of every scale, in the scales' shape."""
    if qparams.codebook is not None:
        return qparams.codebook[..., 0], qparams.codebook[..., -1]
    element, low, high = scheme.element, scheme.element.smallest, scheme.element.largest
    if element.family == "integer":
        low, high = element.decode(np.array(scheme.limits)).tolist()
    scale, offset = qparams.scale_values, qparams.offset_values
    ends = [(np.float32(end) - qparams.zero_point.astype(np.float32)) * scale for end in (low, high)]
    both = [end if offset is None else end + offset for end in ends]
    return np.minimum(*both), np.maximum(*both)


def along_axis(end: Float32, axis: int, count: int, scheme: Scheme, widest: Callable[..., Any]) -> Float32:
    """The outermost of all scales of each channel."""
    if scheme.grouping.granularity == "block" and scheme.axis is None:  # over the ends of rows: no channel has its own
        return np.full(count, widest(end), np.float32)
    others = tuple(i for i in range(end.ndim) if i != axis)
    kept = widest(end, axis=others)
    if kept.size not in (1, count):
        kept = np.repeat(kept, scheme.block_size or 1)[:count]
    return np.broadcast_to(kept, count)


def channel_ranges(
    ranges: tuple[Float32, Float32], axis: int, scheme: Scheme, ends: tuple[Float32, Float32]
) -> dict[str, Any]:
    """The channels' ranges, widest first, at most MOST_CHANNELS of them, evenly picked; and what their scales reach."""
    lo, hi = ranges
    order = np.argsort(lo - hi, kind="stable")
    if order.size > MOST_CHANNELS:
        order = order[np.linspace(0, order.size - 1, MOST_CHANNELS).astype(np.int64)]
    clip = (along_axis(end, axis, lo.size, scheme, widest) for end, widest in zip(ends, (np.min, np.max), strict=True))
    return {
        "channel_lo": lo[order],
        "channel_hi": hi[order],
        "channel_order": order,
        "channel_clip": tuple(end[order] for end in clip),
        "channels": int(lo.size),
    }
