"""GatherElements: values along an axis, each by an index of its own."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute, axis_of
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._places import places
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def run(call: Call, x: Array, indices: Array) -> Array:
    """For each index the value that it names along ``axis``, at its own place along the other axes."""
    axis = axis_of(call.get("axis"), x.ndim)
    others = [(n, size) for a, (n, size) in enumerate(zip(indices.shape, x.shape, strict=False)) if a != axis]
    if indices.ndim != x.ndim or any(n > size for n, size in others):
        raise InvalidInputError(
            f"indices of shape {list(indices.shape)} do not fit values of shape {list(x.shape)}",
            hint=f"Give as many axes, none larger, save axis {axis}",
        )
    call.room.value(indices.shape, np.result_type(x, np.int64))
    chosen = places(indices, x.shape[axis])
    kept = tuple(slice(None) if a == axis else slice(n) for a, n in enumerate(indices.shape))
    return np.take_along_axis(x[kept], chosen, axis)


OPERATOR = Operator(
    name="GatherElements",
    run=run,
    rank=as_input,
    attributes=(Attribute("axis", "int", 0),),
    data=(0,),
    scales=Scales.PASSES,
    traits=Trait.MOVES,
    forms=Form.DEFAULT,
    takes=(Takes.VALUES, Takes.INDICES),
)
