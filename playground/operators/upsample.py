"""Upsample: what Resize was before operator set 10."""

from __future__ import annotations

from playground.operators import resize
from playground.operators._attributes import Attribute
from playground.operators._operator import Operator, Takes

OPERATOR = Operator(
    name="Upsample",
    ranks=(4, 4),
    takes=(Takes.VALUES, Takes.FACTORS),
    attributes=(resize.MODE, Attribute("scales", "floats")),
    data=(0,),
    plan=resize.plan,
)
