"""Mish: values times the hyperbolic tangent of their softplus."""

from __future__ import annotations

import numpy as np

from playground.operators._floats import function_of_floats
from playground.operators._operator import Operator, Scales, Trait
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """X * tanh(log(1 + exp(x))), without overflow."""
    return np.asarray(x * np.tanh(np.logaddexp(x, x.dtype.type(0))))


OPERATOR = Operator(
    name="Mish",
    versions=(18, None),
    run=run,
    scales=Scales.FUNCTION,
    traits=Trait.BY_CHANNEL,
    plan=function_of_floats("mish"),
)
