"""ThresholdedRelu: values above a threshold; the others become 0."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import Attribute
from playground.operators._floats import float_function
from playground.operators._operator import Operator, Trait
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """X where it is larger than alpha, 0 elsewhere."""
    return np.where(x > x.dtype.type(call.get("alpha")), x, x.dtype.type(0))


OPERATOR = Operator(
    name="ThresholdedRelu",
    versions=(10, None),
    run=run,
    attributes=(Attribute("alpha", "float", 1.0),),
    traits=Trait.BY_CHANNEL,
    rank=as_input,
    plan=float_function("thresholded", lambda node: (node.attributes["alpha"], 0.0)),
)
