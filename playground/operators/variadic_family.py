"""The largest, the smallest and the sum of any number of values, element by element."""

from __future__ import annotations

from functools import reduce

import numpy as np

from playground.operators._elementwise import together, variadic
from playground.operators._operator import Operator, Scales
from playground.operators._planning import function
from playground.programs.call import Array, Call


def mean(call: Call, *inputs: Array) -> Array:
    """The mean of any number of values, which broadcast."""
    together(call, *inputs)
    return np.asarray(reduce(np.add, inputs) / len(inputs), inputs[0].dtype)


OPERATORS = (
    Operator(name="Max", run=variadic(np.maximum), scales=Scales.FUNCTION, plan=function),
    Operator(name="Mean", run=mean),
    Operator(name="Min", run=variadic(np.minimum), scales=Scales.FUNCTION, plan=function),
    Operator(name="Sum", run=variadic(np.add)),
)
