"""Softplus: log(1 + exp(x))."""

from __future__ import annotations

import numpy as np

from playground.operators._floats import function_of_floats
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """log(1 + exp(x)), without overflow."""
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


OPERATOR = Operator(
    name="Softplus",
    run=run,
    scales=Scales.FUNCTION,
    traits=Trait.MONOTONIC | Trait.BY_CHANNEL,
    forms=Form.FURTHER,
    plan=function_of_floats("softplus"),
)
