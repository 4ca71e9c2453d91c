"""Sums, largest and smallest values over any axes."""

from __future__ import annotations

import numpy as np

from playground.operators._operator import Operator, Takes
from playground.operators._reductions import ATTRIBUTES, reduction

_TAKES = (Takes.VALUES, Takes.AXES)

OPERATORS = (
    Operator(name="ReduceMax", run=reduction(np.max), attributes=ATTRIBUTES, data=(0,)),
    Operator(name="ReduceMin", run=reduction(np.min), attributes=ATTRIBUTES, data=(0,), takes=_TAKES),
    Operator(name="ReduceSum", run=reduction(np.sum), attributes=ATTRIBUTES, data=(0,), takes=_TAKES),
)
