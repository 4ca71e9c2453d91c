"""Gelu: x times the normal distribution's probability of values below x."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators import erf
from playground.operators._attributes import Attribute, text_of
from playground.operators._floats import float_function_of
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators._planning import table
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array) -> Array:
    """X * Phi(x), exact or by its tanh approximation."""
    half, one = x.dtype.type(0.5), x.dtype.type(1)
    if call.get("approximate", "none") == "tanh":
        inner = x.dtype.type(np.sqrt(2 / np.pi)) * (x + x.dtype.type(0.044715) * x * x * x)
        return np.asarray(half * x * (one + np.tanh(inner)))
    return np.asarray(half * x * (one + erf.run(call, x * x.dtype.type(np.sqrt(0.5)))))


def plan(planner: Planner, node: Node) -> Symbol:
    """A table for codes, a step for floats."""
    approximate = text_of(node, "approximate", "none") == "tanh"
    return table(planner, node) or float_function_of(planner, node, "gelu_tanh" if approximate else "gelu")


OPERATORS = (
    Operator(
        name="Gelu",
        since=(20,),
        run=run,
        attributes=(Attribute("approximate", "string", "none", choices=("none", "tanh")),),
        scales=Scales.FUNCTION,
        traits=Trait.BY_CHANNEL,
        forms=Form.FURTHER,
        plan=plan,
    ),
    Operator(name="Gelu", domain="com.microsoft", run=run, scales=Scales.FUNCTION, plan=plan),
)
