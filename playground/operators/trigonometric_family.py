"""Inverse circular functions, hyperbolic cosine and inverse hyperbolic functions."""

from __future__ import annotations

import numpy as np

from playground.operators._elementwise import unary
from playground.operators._operator import Operator

OPERATORS = (
    Operator(name="Acos", run=unary(np.arccos)),
    Operator(name="Acosh", run=unary(np.arccosh)),
    Operator(name="Asin", run=unary(np.arcsin)),
    Operator(name="Asinh", run=unary(np.arcsinh)),
    Operator(name="Atan", run=unary(np.arctan)),
    Operator(name="Atanh", run=unary(np.arctanh)),
    Operator(name="Cosh", run=unary(np.cosh)),
)
