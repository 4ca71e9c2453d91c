"""Whole numbers bit by bit."""

from __future__ import annotations

import numpy as np

from playground.operators._elementwise import binary, unary
from playground.operators._operator import Operator

OPERATORS = (
    Operator(name="BitwiseAnd", run=binary(np.bitwise_and)),
    Operator(name="BitwiseNot", run=unary(np.bitwise_not)),
    Operator(name="BitwiseOr", run=binary(np.bitwise_or)),
    Operator(name="BitwiseXor", run=binary(np.bitwise_xor)),
)
