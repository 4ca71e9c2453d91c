"""HardSigmoid: a line between 0 and 1."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import Attribute
from playground.operators._floats import function_of_floats
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """max(0, min(1, alpha * x + beta))."""
    alpha, beta = x.dtype.type(call.get("alpha")), x.dtype.type(call.get("beta"))
    return np.asarray(np.clip(alpha * x + beta, 0, 1))


OPERATOR = Operator(
    name="HardSigmoid",
    run=run,
    attributes=(Attribute("alpha", "float", 0.2), Attribute("beta", "float", 0.5)),
    scales=Scales.FUNCTION,
    output_range=(0.0, 1.0),
    traits=Trait.BY_CHANNEL,
    forms=Form.FURTHER,
    plan=function_of_floats("hard_sigmoid", lambda node: (node.attributes["alpha"], node.attributes["beta"])),
)
