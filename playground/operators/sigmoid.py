"""Sigmoid: the logistic function."""

from __future__ import annotations

import numpy as np

from playground.operators._floats import function_of_floats
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow: the exponential is of a negative number on both sides of 0."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, small, x.dtype.type(1)) / (1 + small))


OPERATOR = Operator(
    name="Sigmoid",
    run=run,
    scales=Scales.FUNCTION,
    output_range=(0.0, 1.0),
    traits=Trait.MONOTONIC | Trait.BY_CHANNEL,
    forms=Form.DEFAULT,
    plan=function_of_floats("sigmoid"),
)
