"""Pow: the power of a value."""

from __future__ import annotations

import numpy as np

from playground.operators._elementwise import together
from playground.operators._operator import Form, Operator, Scales, Trait, always
from playground.operators._planning import function
from playground.programs.call import Array, Call


def run(call: Call, base: Array, exponent: Array) -> Array:
    """Power; the result has the base's type, whatever the exponent's."""
    base, exponent = together(call, base, exponent)
    return np.asarray(np.power(base, exponent.astype(base.dtype, copy=False)))


OPERATOR = Operator(
    name="Pow",
    run=run,
    data=(0,),
    scales=Scales.FUNCTION,
    traits=Trait.FUNCTION_WITH_CONSTANT,
    spreads=always,
    forms=Form.FURTHER,
    plan=function,
)
