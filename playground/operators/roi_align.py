"""RoiAlign: regions of images, sampled to one size."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError
from playground.operators._attributes import MOST, Attribute, text
from playground.operators._operator import Operator, Takes
from playground.operators._ranks import always
from playground.operators._upgrades import default_before
from playground.programs.call import Array, Call


def run(call: Call, x: Array, regions: Array, batches: Array) -> Array:
    """Every region as an image (regions, C, output_height, output_width): means or maxima of interpolated samples.

    Args:
        call: has the attributes.
        x: images (N, C, H, W).
        regions: (regions, 4): x and y of two corners.
        batches: (regions,): the image of each region.

    Raises:
        InvalidInputError: the shapes do not fit each other, or there is no such image.
    """
    if x.ndim != 4 or regions.shape != (len(regions), 4) or batches.shape != regions.shape[:1]:
        raise InvalidInputError(
            f"regions of shape {list(regions.shape)} in images {list(batches.shape)} do not fit {list(x.shape)}",
            hint="Give images (N, C, H, W), regions (regions, 4) and the image of each",
        )
    if batches.size and not 0 <= batches.min() <= batches.max() < len(x):
        raise InvalidInputError(
            f"images {batches.min()} to {batches.max()} are outside of {len(x)} images",
            hint=f"Use 0 to {len(x) - 1}",
        )
    out = int(call.get("output_height")), int(call.get("output_width"))
    call.room.value((len(regions), x.shape[1], *out), x.dtype)
    made = np.zeros((len(regions), x.shape[1], *out), x.dtype)
    if x.shape[2] * x.shape[3]:
        for place, (region, batch) in enumerate(zip(regions, batches, strict=True)):
            made[place] = _aligned(call, x[batch], region, out)
    return made


def _aligned(call: Call, image: Array, region: Array, out: tuple[int, int]) -> Array:
    """One region of an image (C, H, W)."""
    half = text(call.get("coordinate_transformation_mode")) == "half_pixel"
    corners = region * region.dtype.type(call.get("spatial_scale")) - region.dtype.type(0.5 if half else 0)
    if not np.isfinite(corners).all():
        raise InvalidInputError("a region has no finite corners", hint="Use finite numbers")
    sampled = []
    for axis, count in ((1, out[0]), (0, out[1])):
        start, length = corners[axis], corners[axis + 2] - corners[axis]
        length = length if half else max(length, region.dtype.type(1))
        ratio = int(call.get("sampling_ratio")) or max(0, math.ceil(length / count))
        call.room.value((4, image.shape[0], count, ratio), np.float64)
        places = start + (np.arange(count * ratio) + 0.5) * (length / max(count * ratio, 1))
        sampled.append((_neighbours(places, image.shape[2 - axis]), ratio))
    (rows, high), (columns, wide) = sampled
    call.room.value((4, image.shape[0], *out, high, wide), np.float64)
    if not high * wide:
        return np.zeros((image.shape[0], *out), image.dtype)
    shape = (image.shape[0], out[0], high, out[1], wide)
    corner = [
        (image[:, near_y[:, None], near_x] * (by_y[:, None] * by_x)).reshape(shape)
        for near_y, by_y in rows
        for near_x, by_x in columns
    ]
    if text(call.get("mode")) == "max":
        return np.asarray(np.maximum.reduce(corner).max(axis=(2, 4)))
    return np.asarray(sum(corner[1:], corner[0]).mean(axis=(2, 4)))


def _neighbours(places: NDArray[np.float64], size: int) -> list[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """The two pixels beside each place, and their weights; places outside of the image weigh nothing."""
    inside = (places >= -1) & (places <= size)
    at = np.clip(places, 0, size - 1)
    low = np.floor(at).astype(np.intp)
    above = np.where(inside, at - low, 0)
    return [(low, np.where(inside, 1 - (at - low), 0)), (np.minimum(low + 1, size - 1), above)]


OPERATOR = Operator(
    name="RoiAlign",
    versions=(10, None),
    run=run,
    attributes=(
        Attribute(
            "coordinate_transformation_mode",
            "string",
            "half_pixel",
            choices=("half_pixel", "output_half_pixel"),
            since=16,
        ),
        Attribute("mode", "string", "avg", choices=("avg", "max")),
        Attribute("output_height", "int", 1, low=1, high=MOST),
        Attribute("output_width", "int", 1, low=1, high=MOST),
        Attribute("sampling_ratio", "int", 0, low=0, high=MOST),
        Attribute("spatial_scale", "float", 1.0),
    ),
    data=(0,),
    takes=(Takes.VALUES, Takes.VALUES, Takes.INDICES),
    ranks=(4, 4),
    rank=always(4),
    since=(16,),
    # Pixels lay on whole numbers once
    upgrade=default_before(16, {"coordinate_transformation_mode": "output_half_pixel"}),
)
