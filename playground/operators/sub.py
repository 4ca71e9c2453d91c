"""Sub: the difference of two values."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._elementwise import binary
from playground.operators._floats import elementwise
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators._planning import table
from playground.operators.add import sum_of
from playground.programs.planner import Planner, Symbol


def plan(planner: Planner, node: Node) -> Symbol:
    """Sub: a function, or a sum with a negative ratio."""
    found = table(planner, node)
    return found or elementwise(planner, node, "sub", lambda: sum_of(planner, node, np.float32(-1)))


OPERATOR = Operator(
    name="Sub",
    run=binary(np.subtract),
    scales=Scales.ELEMENTWISE,
    traits=Trait.FUNCTION_WITH_CONSTANT,
    forms=Form.FURTHER,
    plan=plan,
)
