"""Axes of other sizes: by nearest neighbours, or by weighted means of neighbours, one axis after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError, UnsupportedError
from playground.operators._attributes import MOST, axes_among, text
from playground.programs.call import Array, Call
from playground.programs.resizing import coordinates, rounded

_REACH = {"linear": 1, "bilinear": 1, "cubic": 2}
"""How many places to each side have a part in a weighted mean."""


@dataclass(frozen=True, slots=True)
class Target:
    """What becomes of one axis.

    Attributes:
        axis: which.
        size: of the output.
        scale: output over input, before the size was rounded.
        part: of the input that is shown, from 0 to 1.
    """

    axis: int
    size: int
    scale: float
    part: tuple[float, float] = (0.0, 1.0)


def targets(
    call: Call, shape: Sequence[int], roi: Array | None, scales: Array | None, sizes: Array | None
) -> list[Target]:
    """What becomes of the axes of an input of ``shape``, by Resize's inputs and attributes.

    Raises:
        InvalidInputError: not either scales or sizes are given, they are not as many as the axes, or not positive.
    """
    axes = axes_among(call.get("axes") or range(len(shape)), len(shape))
    by_size = sizes is not None and sizes.size > 0
    given = [float(n) for n in (() if scales is None else scales.reshape(-1))]
    wanted = [int(n) for n in sizes.reshape(-1)] if sizes is not None else []
    if len(wanted if by_size else given) != len(axes) or (by_size and given):
        raise InvalidInputError(
            f"{len(given)} scales and {len(wanted)} sizes do not fit {len(axes)} axes",
            hint="Give either a scale or a size for each axis",
        )
    if not all(0 < n <= MOST for n in (*given, *wanted)):
        raise InvalidInputError(
            f"{wanted if by_size else given} are not valid {'sizes' if by_size else 'scales'} of axes",
            hint="Use positive numbers",
        )
    old = [shape[axis] for axis in axes]
    if by_size:
        if not all(old):
            raise InvalidInputError(f"an input of shape {list(shape)} has no size to start from", hint="Give it values")
        wanted, given = _with_policy(text(call.get("keep_aspect_ratio_policy", "stretch")), old, wanted)
    else:
        wanted = [size_of(n, s) for n, s in zip(old, given, strict=True)]
    parts = _parts(call, roi, len(axes))
    return [Target(*target) for target in zip(axes, wanted, given, parts, strict=True)]


def size_of(size: int, scale: float) -> int:
    """What an axis becomes, by a product in float32 as in ONNX Runtime: 0.7 times 10 is 7 there, and 6.99 in float64.

    Raises:
        InvalidInputError: the product is not finite.
    """
    made = float(np.float32(scale) * np.float32(size))
    if not math.isfinite(made):
        raise InvalidInputError(f"{scale:g} is not a valid scale of an axis", hint="Use a finite number")
    return int(made)


def _with_policy(policy: str, old: list[int], wanted: list[int]) -> tuple[list[int], list[float]]:
    """The sizes that axes get, and their scales, if an image is not stretched."""
    scales = [float(np.float32(new / n)) for new, n in zip(wanted, old, strict=True)]
    if policy == "stretch":
        return wanted, scales
    common = min(scales) if policy == "not_larger" else max(scales)
    return [math.floor(np.float32(common) * np.float32(n) + np.float32(0.5)) for n in old], [common] * len(old)


def _parts(call: Call, roi: Array | None, count: int) -> list[tuple[float, float]]:
    if text(call.get("coordinate_transformation_mode", "")) != "tf_crop_and_resize":
        return [(0.0, 1.0)] * count
    if roi is None or roi.size != 2 * count or not np.isfinite(roi).all():
        raise InvalidInputError(
            f"{0 if roi is None else roi.size} limits are not a valid region of {count} axes",
            hint="Give the start and the end of each axis, from 0 to 1",
        )
    limits = [float(n) for n in roi.reshape(-1)]
    return list(zip(limits[:count], limits[count:], strict=True))


def resized(call: Call, x: Array, wanted: list[Target]) -> Array:
    """X with the axes that are wanted.

    Raises:
        UnsupportedError: what it makes is too large, or an axis has no value to take.
    """
    mode, made = text(call.get("mode")), x
    crops = text(call.get("coordinate_transformation_mode", "")) == "tf_crop_and_resize"
    outside = np.zeros((1,) * x.ndim, bool)
    # Axes that shrink come first: less is left to do
    for target in sorted(wanted, key=lambda target: target.scale):
        size = x.shape[target.axis]
        if target.size == size and target.scale == 1 and target.part == (0.0, 1.0):
            continue
        if not size or not target.size:
            raise UnsupportedError(f"an axis of {size} values cannot be resized to {target.size}")
        shape = (*made.shape[: target.axis], target.size, *made.shape[target.axis + 1 :])
        call.room.value(shape, np.result_type(x.dtype, np.float32))
        places = _places(call, target, size)
        if crops:
            beyond = (places < 0) | (places > size - 1)
            outside = outside | beyond.reshape([-1 if a == target.axis else 1 for a in range(x.ndim)])
        if mode == "nearest":
            rounding = text(call.get("nearest_mode", "round_prefer_floor"))
            made = np.take(made, rounded(places, size, rounding), target.axis)
        else:
            made = _blended(call, made, target, places)
    if outside.any():
        made = np.where(outside, made.dtype.type(call.get("extrapolation_value")), made)
    return _as_type(made, x.dtype, cut=not call.get("antialias"))


def _places(call: Call, target: Target, size: int) -> NDArray[np.float32]:
    transform = text(call.get("coordinate_transformation_mode", "half_pixel"))
    return coordinates(size, target.size, target.scale, transform, target.part)


def two_neighbours(call: Call, target: Target, size: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """For linear means along an axis of ``size`` places: two neighbours of each place (places, 2) and their weights."""
    neighbours, weights = _weights(call, size, target.scale, _places(call, target, size))
    return neighbours.astype(np.int32), weights.astype(np.float32)


def _blended(call: Call, x: Array, target: Target, places: NDArray[np.float32]) -> Array:
    """Weighted means of neighbours along one axis; beyond the ends the last value goes on."""
    real = x.astype(np.result_type(x.dtype, np.float32), copy=False)
    neighbours, weights = _weights(call, x.shape[target.axis], target.scale, places)
    column = [-1 if axis == target.axis else 1 for axis in range(x.ndim)]
    made: Array | None = None
    for near, weight in zip(neighbours.T, weights.T.astype(real.dtype), strict=True):
        part = np.take(real, near, target.axis)
        part *= weight.reshape(column)
        made = part if made is None else np.add(made, part, out=made)
    return real if made is None else made


def _weights(
    call: Call, size: int, scale: float, places: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Neighbours of each place, and their weights: both (places, neighbours)."""
    mode, excludes = text(call.get("mode")), bool(call.get("exclude_outside"))
    # Where an axis shrinks, an antialiased mean is over as many more places
    widened = max(1.0, 1 / scale) if call.get("antialias") else 1.0
    reach = _REACH[mode] * widened
    count = math.ceil(2 * reach)
    call.room.value((len(places), count), np.float64)
    at = places.astype(np.float64)[:, None]
    near = np.floor(at - reach) + 1 + np.arange(count)
    weights = _kernel(np.abs(near - at) / widened, mode, call.get("cubic_coeff_a", -0.75))
    if excludes:
        weights = np.where((near < 0) | (near > size - 1), 0, weights)
    if excludes or widened > 1:
        total = weights.sum(axis=1, keepdims=True)
        weights = weights / np.where(total == 0, 1, total)
    return np.clip(near, 0, size - 1).astype(np.intp), weights


def _kernel(distance: NDArray[np.float64], mode: str, a: float) -> NDArray[np.float64]:
    """The weight of a place in so many places' distance."""
    if mode != "cubic":
        return np.maximum(0, 1 - distance)
    inner = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    outer = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, inner, np.where(distance < 2, outer, 0))


def _as_type(x: Array, dtype: np.dtype[Any], *, cut: bool) -> Array:
    """Means as integers: as ONNX Runtime has it, only antialiased ones are rounded, from others the fraction is cut."""
    if dtype.kind in "iu" and x.dtype.kind == "f":
        limits = np.iinfo(dtype)
        x = np.clip(np.trunc(x) if cut else np.rint(x), limits.min, limits.max)
    return x.astype(dtype, copy=False)
