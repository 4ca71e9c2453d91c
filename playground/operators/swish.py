"""Swish: values times the sigmoid of themselves."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import Attribute
from playground.operators._floats import function_of_floats
from playground.operators._operator import Operator, Scales, Trait
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """X / (1 + exp(-alpha * x)), without overflow."""
    wide = x.astype(np.result_type(x.dtype, np.float32), copy=False)
    # The hyperbolic tangent has no exponential that overflows: sigmoid(x) = (1 + tanh(x / 2)) / 2
    half = wide.dtype.type(0.5)
    return np.asarray(wide * (half + half * np.tanh(half * wide.dtype.type(call.get("alpha")) * wide)), x.dtype)


OPERATOR = Operator(
    name="Swish",
    versions=(24, None),
    run=run,
    attributes=(Attribute("alpha", "float", 1.0),),
    scales=Scales.FUNCTION,
    traits=Trait.BY_CHANNEL,
    plan=function_of_floats("swish", lambda node: (node.attributes["alpha"], 0.0)),
)
