"""ArgMax: where the largest value along an axis is."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import Attribute, flag
from playground.operators._operator import Operator
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """Index of the largest value along an axis, int64; the first one of equals, or the last if asked."""
    axis = call.get("axis")
    if call.get("select_last_index"):
        found = x.shape[axis] - 1 - np.argmax(np.flip(x, axis), axis)
    else:
        found = np.argmax(x, axis)
    found = np.asarray(found, np.int64)
    return np.expand_dims(found, axis) if call.get("keepdims") else found


OPERATOR = Operator(
    name="ArgMax", run=run, attributes=(Attribute("axis", "int", 0), flag("keepdims", True), flag("select_last_index"))
)
