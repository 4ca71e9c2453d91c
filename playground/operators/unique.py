"""Unique: different values, or different slices along an axis."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import AXIS, axis_of, flag
from playground.operators._operator import Operator
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> tuple[Array, Array, Array, Array]:
    """Different values; where each is first; for each value which it is; how often each is. All but the first int64.

    They are sorted, or in the order in which they are first met.
    """
    axis = axis_of(call.get("axis"), x.ndim) if "axis" in call.attributes else None
    call.room.value((x.size,), np.int64)
    made, first, which, counts = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    which = which.reshape(-1)
    if not call.get("sorted"):
        order = np.argsort(first)
        made = np.take(made, order, 0 if axis is None else axis)
        first, counts, which = first[order], counts[order], np.argsort(order)[which]
    return made, first.astype(np.int64), which.astype(np.int64), counts.astype(np.int64)


OPERATOR = Operator(name="Unique", versions=(11, None), run=run, attributes=(AXIS, flag("sorted", True)))
