"""Pow: the power of a value."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._elementwise import together
from playground.operators._floats import float_function_of
from playground.operators._operator import Form, Operator, Scales, Trait, always
from playground.operators._planning import refuse_float, table
from playground.programs.call import Array, Call
from playground.programs.planner import Constant, Planner, Symbol


def run(call: Call, base: Array, exponent: Array) -> Array:
    """Power; the result has the base's type, whatever the exponent's."""
    base, exponent = together(call, base, exponent)
    return np.asarray(np.power(base, exponent.astype(base.dtype, copy=False)))


_POWERS = {2.0: "square", 3.0: "cube", 0.5: "sqrt", -1.0: "reciprocal"}


def plan(planner: Planner, node: Node) -> Symbol:
    """A table for codes; of floats the powers that are products and roots."""
    found = table(planner, node)
    if found is not None:
        return found
    exponent = planner.symbol(node.inputs[1])
    if not isinstance(exponent, Constant) or exponent.array.size != 1:
        refuse_float()
    name = _POWERS.get(float(exponent.array.reshape(())))
    if name is None or exponent.array.ndim > len(planner.shape(node.inputs[0])):
        refuse_float()
    return float_function_of(planner, node, name)


OPERATOR = Operator(
    name="Pow",
    run=run,
    data=(0,),
    scales=Scales.FUNCTION,
    traits=Trait.FUNCTION_WITH_CONSTANT,
    spreads=always,
    forms=Form.FURTHER,
    plan=plan,
)
