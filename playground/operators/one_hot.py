"""OneHot: a value at the place of each index, another one elsewhere."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute, axis_of, single
from playground.operators._operator import Operator, Takes
from playground.programs.call import Array, Call


def run(call: Call, indices: Array, depth: Array, values: Array) -> Array:
    """A new axis of ``depth`` places, of which that of the index (negative from the end) is on, the others off.

    Args:
        call: has ``axis``, where the new axis is.
        indices: of any shape and number type; one outside of the depth turns none on.
        depth: one number.
        values: off and on.
    """
    axis, size = axis_of(call.get("axis"), indices.ndim + 1), int(single(depth, "depth"))
    if size < 1 or values.shape != (2,):
        raise InvalidInputError(
            f"a depth of {size} and {values.size} values cannot be used", hint="Use a positive depth, and 2 values"
        )
    call.room.value((*indices.shape, size), values.dtype)
    places = np.arange(size).reshape([-1 if a == axis else 1 for a in range(indices.ndim + 1)])
    chosen = np.expand_dims(np.where(indices < 0, indices + size, indices), axis)
    return np.asarray(np.where(places == chosen, values[1], values[0]))


OPERATOR = Operator(
    name="OneHot",
    versions=(9, None),
    run=run,
    attributes=(Attribute("axis", "int", -1),),
    data=(2,),
    takes=(Takes.INDICES, Takes.NUMBER, Takes.VALUES),
    ranks=(0, 6),
)
