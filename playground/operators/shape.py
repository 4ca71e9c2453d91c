"""Shape: the sizes of axes."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._attributes import Attribute
from playground.operators._operator import Operator
from playground.programs.call import Array, Call
from playground.programs.planner import Constant, Planner, Symbol


def run(call: Call, x: Array) -> Array:
    """The sizes of the axes from ``start`` to ``end``, int64."""
    return np.array(x.shape[call.get("start") : call.get("end")], np.int64)


def plan(planner: Planner, node: Node) -> Symbol:
    """Shape: known, because a program is planned for one set of shapes."""
    shape = planner.shape(node.inputs[0])
    start, end = node.attributes["start"], node.attributes.get("end", len(shape))
    return Constant(np.array(shape[start:end], np.int64))


OPERATOR = Operator(
    name="Shape",
    run=run,
    attributes=(Attribute("start", "int", 0, since=15), Attribute("end", "int", since=15)),
    plan=plan,
)
