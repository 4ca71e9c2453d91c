"""Div: the quotient of two values."""

from __future__ import annotations

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._deferred import scaled
from playground.operators._dynamic_biases import or_dynamic, over_scale
from playground.operators._floats import elementwise
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators._planning import table
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, a: Array, b: Array) -> Array:
    """Division; between integers it cuts towards zero, as in C."""
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    quotient = np.floor_divide(a, b)
    inexact = (quotient * b != a) & ((a < 0) != (b < 0))
    return np.asarray(quotient + inexact, a.dtype)


def plan(planner: Planner, node: Node) -> Symbol:
    """Div: a scaled product or a function."""
    return scaled(planner, node) or table(planner, node) or elementwise(planner, node, "div", _refuse)


def _refuse() -> Symbol:
    raise UnsupportedError("a quotient of two computed values is not supported")


# Over a constant it is a product; a computed divisor may come near zero
OPERATOR = Operator(
    name="Div",
    run=run,
    scales=Scales.ELEMENTWISE,
    traits=Trait.FUNCTION_WITH_CONSTANT | Trait.TAKES_DYNAMIC,
    spreads=lambda node, constants: node.inputs[1] not in constants,
    forms=Form.FURTHER,
    plan=or_dynamic(over_scale, plan),
)
