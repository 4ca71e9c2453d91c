"""Compress: the slices along an axis at which a condition holds."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import AXIS, axis_of
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.programs.call import Array, Call


def run(call: Call, x: Array, condition: Array) -> Array:
    """Slices of x along ``axis``, of all its values in a row if none is stated, at which the condition holds."""
    axis = call.get("axis")
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = axis_of(axis, x.ndim)
    if condition.ndim != 1 or condition.size > x.shape[axis]:
        raise InvalidInputError(
            f"a condition of shape {list(condition.shape)} does not fit {x.shape[axis]} slices",
            hint=f"Give a list of at most {x.shape[axis]}",
        )
    return np.compress(condition, x, axis)


OPERATOR = Operator(
    name="Compress",
    run=run,
    attributes=(AXIS,),
    data=(0,),
    takes=(Takes.VALUES, Takes.CONDITION),
    scales=Scales.PASSES,
    traits=Trait.MOVES,
    forms=Form.FURTHER,
)
