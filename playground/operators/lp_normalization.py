"""LpNormalization: rows over their norm."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import Attribute, axis_of
from playground.operators._elementwise import wide
from playground.operators._operator import Operator
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """X over the sum of its absolute values along ``axis``, or the root of that of its squares; 0 if that is 0."""
    axis, values = axis_of(call.get("axis"), x.ndim), wide(x)
    call.room.value((*x.shape[:axis], *x.shape[axis + 1 :]), values.dtype)
    if call.get("p") == 1:
        norm = np.abs(values).sum(axis=axis, keepdims=True)
    else:
        norm = np.sqrt((values * values).sum(axis=axis, keepdims=True))
    return np.asarray(np.divide(values, norm, out=np.zeros_like(values), where=norm != 0), x.dtype)


OPERATOR = Operator(
    name="LpNormalization",
    run=run,
    rank=as_input,
    attributes=(Attribute("axis", "int", -1), Attribute("p", "int", 2, choices=(1, 2))),
)
