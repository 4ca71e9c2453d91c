"""Upsample: what Resize was before operator set 10."""

from __future__ import annotations

from playground.operators import resize
from playground.operators._attributes import Attribute
from playground.operators._operator import Operator

OPERATOR = Operator(
    name="Upsample", attributes=(resize.MODE, Attribute("scales", "floats")), data=(0,), plan=resize.plan
)
