"""Sums, largest and smallest values over any axes."""

from __future__ import annotations

import numpy as np

from playground.operators._operator import Operator
from playground.operators._reductions import ATTRIBUTES, reduction

OPERATORS = (
    Operator(name="ReduceMax", run=reduction(np.max), attributes=ATTRIBUTES, data=(0,)),
    Operator(name="ReduceMin", run=reduction(np.min), attributes=ATTRIBUTES, data=(0,)),
    Operator(name="ReduceSum", run=reduction(np.sum), attributes=ATTRIBUTES, data=(0,)),
)
