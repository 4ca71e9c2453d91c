"""Comparisons, and what is made of their results."""

from __future__ import annotations

import numpy as np

from playground.operators._elementwise import binary, unary
from playground.operators._operator import Operator

OPERATORS = (
    Operator(name="And", run=binary(np.logical_and)),
    Operator(name="Equal", run=binary(np.equal)),
    Operator(name="Greater", run=binary(np.greater)),
    Operator(name="GreaterOrEqual", run=binary(np.greater_equal)),
    Operator(name="Less", run=binary(np.less)),
    Operator(name="LessOrEqual", run=binary(np.less_equal)),
    Operator(name="Not", run=unary(np.logical_not)),
    Operator(name="Or", run=binary(np.logical_or)),
    Operator(name="Xor", run=binary(np.logical_xor)),
)
