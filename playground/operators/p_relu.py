"""PRelu: a line with another slope below 0, which is an input."""

from __future__ import annotations

import numpy as np

from playground.operators._elementwise import together
from playground.operators._operator import Operator, Scales, Trait
from playground.operators._planning import function
from playground.programs.call import Array, Call


def run(call: Call, x: Array, slope: Array) -> Array:
    """X where positive, slope * x elsewhere."""
    x, slope = together(call, x, slope)
    return np.where(x < 0, x * slope, x)


OPERATOR = Operator(name="PRelu", run=run, data=(0,), scales=Scales.FUNCTION, traits=Trait.HOMOGENEOUS, plan=function)
