"""HardSwish: x times a line between 0 and 1."""

from __future__ import annotations

import numpy as np

from playground.operators._floats import function_of_floats
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """X * max(0, min(1, x / 6 + 0.5))."""
    return np.asarray(x * np.clip(x / x.dtype.type(6) + x.dtype.type(0.5), 0, 1))


OPERATOR = Operator(
    name="HardSwish",
    since=(14,),
    run=run,
    scales=Scales.FUNCTION,
    traits=Trait.BY_CHANNEL,
    forms=Form.FURTHER,
    plan=function_of_floats("hard_swish", lambda _: (6.0, 0.5)),
)
