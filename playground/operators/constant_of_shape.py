"""ConstantOfShape: one value in a shape."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import Attribute
from playground.operators._operator import Operator, Takes
from playground.programs.call import Array, Call


def run(call: Call, shape: Array) -> Array:
    """One value (float32 zero by default) in a shape."""
    value = call.get("value", np.zeros(1, np.float32))
    sizes = tuple(int(n) for n in shape.reshape(-1))
    call.room.value(sizes, value.dtype)
    return np.full(sizes, value.reshape(-1)[0], value.dtype)


OPERATOR = Operator(name="ConstantOfShape", takes=(Takes.SIZES,), run=run, attributes=(Attribute("value", "tensor"),))
