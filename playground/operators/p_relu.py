"""PRelu: a line with another slope below 0, which is an input."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._elementwise import together
from playground.operators._floats import elementwise
from playground.operators._operator import Operator, Scales, Trait
from playground.operators._planning import refuse_float, table
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array, slope: Array) -> Array:
    """X where positive, slope * x elsewhere."""
    x, slope = together(call, x, slope)
    return np.where(x < 0, x * slope, x)


def plan(planner: Planner, node: Node) -> Symbol:
    """A table for codes, if there is one slope; else a step for floats."""
    return table(planner, node) or elementwise(planner, node, "prelu", refuse_float)


OPERATOR = Operator(name="PRelu", run=run, data=(0,), scales=Scales.FUNCTION, traits=Trait.HOMOGENEOUS, plan=plan)
