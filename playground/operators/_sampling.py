"""Values between the places of images, or images of any number of axes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from playground.programs.call import Array

FAR = 2.0**31
"""Beyond it coordinates are outside of every image."""

Taps = list[tuple[Array, Array]]
"""Places along an axis as whole numbers, and the weights with which they count."""

Padding = Callable[[Array, int], tuple[Array, Array | None]]
"""Places, the size of the axis -> the places that are taken instead, and where they count; None: everywhere."""


def nearest(at: Array) -> Taps:
    """The one place that is nearest, the even one of two."""
    return [(_whole(np.rint(at)), np.ones_like(at))]


def linear(at: Array) -> Taps:
    """The two places around, by how near they are."""
    low = np.floor(at)
    part = at - low
    return [(_whole(low), 1 - part), (_whole(low) + 1, part)]


def cubic(at: Array) -> Taps:
    """Four places around, by Keys' cubic convolution of -0.75."""
    low = np.floor(at)
    part, a = at - low, -0.75
    weights = []
    for distance in (part + 1, part, 1 - part, 2 - part):
        inner = ((a + 2) * distance - (a + 3)) * distance * distance + 1
        outer = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
        weights.append(np.where(distance <= 1, inner, outer))
    return [(_whole(low) + step, weight) for step, weight in zip(range(-1, 3), weights, strict=True)]


def _whole(at: Array) -> Array:
    return np.asarray(np.nan_to_num(np.clip(at, -FAR, FAR), nan=-FAR), np.int64)


def zeros(places: Array, size: int) -> tuple[Array, Array | None]:
    """Outside of the image there are zeros."""
    inside = (places >= 0) & (places < size)
    return np.where(inside, places, 0), inside


def sample(x: Array, taps: Sequence[Taps], padding: Padding) -> Array:
    """Weighted sums of values of images.

    Args:
        x: (batch, channels, *spatial), no size 0 among the spatial ones.
        taps: for each spatial axis the places and weights, each (batch, *out).
        padding: what lies outside.

    Returns:
        (batch, channels, *out), of the weights' type.
    """
    batch, channels, *sizes = x.shape
    shape = taps[0][0][0].shape
    flat = x.reshape(batch, channels, math.prod(sizes))
    made = np.zeros((batch, channels, *shape[1:]), np.result_type(taps[0][0][1], x))
    for chosen in itertools.product(*taps):
        index, weight = np.zeros(shape, np.int64), np.ones((), taps[0][0][1].dtype)
        for (places, share), size in zip(chosen, sizes, strict=True):
            kept, inside = padding(places, size)
            index = index * size + kept
            weight = weight * (share if inside is None else np.where(inside, share, 0))
        seen = np.take_along_axis(flat, index.reshape(batch, 1, -1), 2).reshape(batch, channels, *shape[1:])
        # A place without weight does not count, even if what is there is infinite
        made += np.where(weight[:, None] == 0, 0, seen * weight[:, None])
    return made
