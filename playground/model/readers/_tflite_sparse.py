"""Sparse constants of TFLite: the values that are not zero, and level by level where they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import DAMAGED, BadFileError
from playground.limits import MOST_RANK
from playground.model.readers._flatbuffer import Table

_ORDER, _BLOCKS, _LEVELS = 0, 1, 2
_FORMAT, _SIZE, _SEGMENTS_TYPE, _SEGMENTS, _INDICES_TYPE, _INDICES = 0, 1, 2, 3, 4, 5
_CODES = {1: "i", 2: "H", 3: "B"}
"""What vectors of indices hold, by their number."""

_MOST_VALUES, _MOST_FACTOR = 2**20, 64
"""A sparse constant becomes at most so many values, and so many more for each that it has."""

_MOST_PLACES, _PLACES_FACTOR = 2**16, 2
"""And a level of it has at most so many places."""


def dense(table: Table, shape: tuple[int, ...], values: NDArray[Any]) -> NDArray[Any]:
    """The constant with its zeros.

    Raises:
        BadFileError: places are not inside the shape, or it would be far larger than what is in the file.
    """
    count = math.prod(shape)
    if count > _MOST_VALUES + _MOST_FACTOR * values.size:
        raise BadFileError(f"{values.size} sparse values become {count}", hint="Export it dense")
    order, blocks = (table.numbers(slot, "i") for slot in (_ORDER, _BLOCKS))
    levels = table.tables(_LEVELS, 2 * MOST_RANK, "levels of a sparse tensor")
    rank = len(shape)
    if sorted(order) != list(range(rank + blocks.size)) or len(levels) != order.size:
        raise BadFileError("the levels are not its axes", hint=DAMAGED)
    most = min(count, _MOST_PLACES + _PLACES_FACTOR * values.size)
    places = np.zeros(1, np.int64)
    axes: dict[int, NDArray[np.int64]] = {}
    sizes = {int(axis): level.number(_SIZE) for axis, level in zip(order, levels, strict=True)}
    for axis, level in zip(order, levels, strict=True):
        parents, places, found = _level(level, places, most)
        axes = {known: held[parents] for known, held in axes.items()} | {int(axis): found}
    for inner, outer in enumerate(blocks):
        axes[int(outer)] = axes[int(outer)] * sizes[rank + inner] + axes[rank + inner]
    made = np.zeros(shape, values.dtype)
    where = tuple(axes[axis] for axis in range(rank))
    if any(held.size and not 0 <= held.min() <= held.max() < size for held, size in zip(where, shape, strict=True)):
        raise BadFileError("the values are not inside its shape", hint=DAMAGED)
    made[where] = values[places]
    return made


def _level(
    level: Table, places: NDArray[np.int64], most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """What a level makes of each place: which one it comes from, the new place, and the index along the axis."""
    if level.number(_FORMAT, "b") == 0:
        size = level.number(_SIZE)
        if not 0 <= size <= most or places.size * size > most:
            raise BadFileError(
                "the levels are larger than its shape, or have many more places than values", hint=DAMAGED
            )
        parents = np.repeat(np.arange(places.size), size)
        found = np.tile(np.arange(size), places.size)
        return parents, places[parents] * size + found, found
    segments, indices = _vector(level, _SEGMENTS), _vector(level, _INDICES)
    counts = segments[places + 1] - segments[places]
    if counts.size and (counts.min() < 0 or segments[0] < 0 or int(counts.sum()) > indices.size):
        raise BadFileError("the levels contradict each other", hint=DAMAGED)
    parents = np.repeat(np.arange(places.size), counts)
    before = np.cumsum(counts) - counts
    made = segments[places][parents] + np.arange(parents.size) - before[parents]
    return parents, made, indices[made]


def _vector(level: Table, slot: int) -> NDArray[np.int64]:
    held, code = level.table(slot), _CODES.get(level.number(slot - 1, "B"), "")
    if held is None or not code:
        raise BadFileError("a level has no list of places", hint=DAMAGED)
    return held.numbers(0, code).astype(np.int64)
