"""Celu: an exponential below 0, whose slope at 0 is 1 for every alpha."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import Attribute
from playground.operators._operator import Operator
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1))."""
    alpha = x.dtype.type(call.get("alpha"))
    return np.asarray(np.maximum(x, 0) + np.minimum(alpha * np.expm1(x / alpha), 0))


OPERATOR = Operator(name="Celu", run=run, attributes=(Attribute("alpha", "float", 1.0),), rank=as_input)
