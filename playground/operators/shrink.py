"""Shrink: values near 0 become 0, the others come nearer to it."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import Attribute
from playground.operators._operator import Operator, Trait
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """X + bias below -lambd, x - bias above lambd, 0 between."""
    bias, limit = call.get("bias"), call.get("lambd")
    return np.where(x < -limit, x + bias, np.where(x > limit, x - bias, 0)).astype(x.dtype)


OPERATOR = Operator(
    name="Shrink",
    versions=(9, None),
    run=run,
    attributes=(Attribute("bias", "float", 0.0), Attribute("lambd", "float", 0.5)),
    traits=Trait.BY_CHANNEL,
    rank=as_input,
)
