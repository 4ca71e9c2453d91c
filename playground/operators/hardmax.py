"""Hardmax: 1 at the first of the largest values along an axis, 0 elsewhere."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import Attribute, axis_of
from playground.operators._operator import Operator
from playground.operators._ranks import as_input
from playground.operators._upgrades import rows_from_axis
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """1 at the first of the largest values along ``axis``, 0 elsewhere."""
    axis = axis_of(call.get("axis"), x.ndim)
    made = np.zeros_like(x)
    if x.size:
        np.put_along_axis(made, np.expand_dims(np.argmax(x, axis), axis), 1, axis)
    return made


OPERATOR = Operator(
    name="Hardmax",
    run=run,
    attributes=(Attribute("axis", "int", -1),),
    rank=as_input,
    since=(13,),
    upgrade=rows_from_axis,
)
