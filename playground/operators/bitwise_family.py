"""Whole numbers bit by bit."""

from __future__ import annotations

import numpy as np

from playground.operators._elementwise import binary, unary
from playground.operators._operator import Operator

OPERATORS = (
    Operator(name="BitwiseAnd", run=binary(np.bitwise_and), since=(18,)),
    Operator(name="BitwiseNot", run=unary(np.bitwise_not), since=(18,)),
    Operator(name="BitwiseOr", run=binary(np.bitwise_or), since=(18,)),
    Operator(name="BitwiseXor", run=binary(np.bitwise_xor), since=(18,)),
)
