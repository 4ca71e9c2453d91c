"""TensorScatter: a cache in which a piece of every sequence is replaced."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute, axis_of, text
from playground.operators._operator import Operator, Takes
from playground.programs.call import Array, Call


def run(call: Call, cache: Array, update: Array, starts: Array | None = None) -> Array:
    """The cache with the update from ``starts[b]`` on along ``axis``, for every b of axis 0; cyclic if asked.

    Raises:
        InvalidInputError: the shapes do not fit each other, or a piece lies outside of the cache.
    """
    axis = axis_of(call.get("axis"), cache.ndim)
    rows = cache.shape[axis]
    fits = update.ndim == cache.ndim and all(
        n <= m if a == axis else n == m for a, (n, m) in enumerate(zip(update.shape, cache.shape, strict=True))
    )
    first = np.zeros(len(cache), np.int64) if starts is None else starts.astype(np.int64)
    if not fits or not axis or first.shape != cache.shape[:1]:
        raise InvalidInputError(
            f"an update of shape {list(update.shape)} and starts of shape {list(first.shape)} do not fit a cache of "
            f"shape {list(cache.shape)}",
            hint="Give one start for each sequence, and an update not longer than the cache",
        )
    length, circular = update.shape[axis], text(call.get("mode")) == "circular"
    if first.size and not 0 <= first.min() <= first.max() <= (rows - 1 if circular else rows - length):
        raise InvalidInputError(
            f"starts from {first.min()} to {first.max()} with {length} rows are outside of {rows} rows",
            hint="Use smaller starts",
        )
    call.room.value((len(first), length), np.int64)
    places = (first[:, None] + np.arange(length)) % max(rows, 1)
    made = cache.copy()
    shape = [len(first), *[1] * (axis - 1), length, *[1] * (cache.ndim - axis - 1)]
    np.put_along_axis(made, places.reshape(shape), update, axis)
    return made


OPERATOR = Operator(
    name="TensorScatter",
    versions=(24, None),
    run=run,
    attributes=(Attribute("axis", "int", -2), Attribute("mode", "string", "linear", choices=("linear", "circular"))),
    data=(0, 1),
    takes=(Takes.VALUES, Takes.VALUES, Takes.BOUNDS),
    ranks=(2, 6),
)
