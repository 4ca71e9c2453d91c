"""ArgMax: where the largest value along an axis is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from playground.operators._attributes import Attribute, axis_of, flag
from playground.operators._operator import Operator
from playground.programs.call import Array, Call

ATTRIBUTES = (Attribute("axis", "int", 0), flag("keepdims", True), flag("select_last_index"))


def place_of(function: Callable[..., Array]) -> Callable[[Call, Array], Array]:
    """A function that finds an index along an axis, int64; the first one of equals, or the last if asked."""

    def run(call: Call, x: Array) -> Array:
        axis = axis_of(call.get("axis"), x.ndim)
        if call.get("select_last_index"):
            found = x.shape[axis] - 1 - function(np.flip(x, axis), axis)
        else:
            found = function(x, axis)
        found = np.asarray(found, np.int64)
        return np.expand_dims(found, axis) if call.get("keepdims") else found

    return run


OPERATOR = Operator(name="ArgMax", run=place_of(np.argmax), attributes=ATTRIBUTES)
