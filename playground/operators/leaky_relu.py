"""LeakyRelu: a line with another slope below 0."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import Attribute
from playground.operators._floats import function_of_floats
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """X where positive, alpha * x elsewhere."""
    return np.where(x < 0, x * x.dtype.type(call.get("alpha")), x)


OPERATOR = Operator(
    name="LeakyRelu",
    run=run,
    attributes=(Attribute("alpha", "float", 0.01),),
    scales=Scales.FUNCTION,
    traits=Trait.HOMOGENEOUS | Trait.BY_CHANNEL,
    forms=Form.DEFAULT,
    plan=function_of_floats("leaky", lambda node: (node.attributes["alpha"], 0.0)),
)
