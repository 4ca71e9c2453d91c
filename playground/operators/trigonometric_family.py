"""Inverse circular functions, hyperbolic cosine and inverse hyperbolic functions."""

from __future__ import annotations

import numpy as np

from playground.operators._elementwise import unary
from playground.operators._operator import Operator
from playground.operators._ranks import as_input

OPERATORS = (
    Operator(name="Acos", run=unary(np.arccos), rank=as_input),
    Operator(name="Acosh", run=unary(np.arccosh), rank=as_input),
    Operator(name="Asin", run=unary(np.arcsin), rank=as_input),
    Operator(name="Asinh", run=unary(np.arcsinh), rank=as_input),
    Operator(name="Atan", run=unary(np.arctan), rank=as_input),
    Operator(name="Atanh", run=unary(np.arctanh), rank=as_input),
    Operator(name="Cosh", run=unary(np.cosh), rank=as_input),
)
