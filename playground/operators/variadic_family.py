"""The largest, the smallest and the sum of any number of values, element by element."""

from __future__ import annotations

import numpy as np

from playground.operators._elementwise import variadic
from playground.operators._operator import Operator, Scales
from playground.operators._planning import function

OPERATORS = (
    Operator(name="Max", run=variadic(np.maximum), scales=Scales.FUNCTION, plan=function),
    Operator(name="Min", run=variadic(np.minimum), scales=Scales.FUNCTION, plan=function),
    Operator(name="Sum", run=variadic(np.add)),
)
