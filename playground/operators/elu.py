"""Elu: an exponential below 0."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import Attribute
from playground.operators._floats import function_of_floats
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """X where positive, alpha * (exp(x) - 1) elsewhere."""
    return np.where(x < 0, x.dtype.type(call.get("alpha")) * np.expm1(np.minimum(x, 0)), x)


OPERATOR = Operator(
    name="Elu",
    run=run,
    attributes=(Attribute("alpha", "float", 1.0),),
    scales=Scales.FUNCTION,
    traits=Trait.BY_CHANNEL,
    forms=Form.FURTHER,
    plan=function_of_floats("elu", lambda node: (node.attributes["alpha"], 1.0)),
)
