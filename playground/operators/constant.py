"""Constant: a tensor or numbers in the graph."""

from __future__ import annotations

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._operator import Operator
from playground.programs.planner import Constant, Planner, Symbol


def plan(planner: Planner, node: Node) -> Symbol:
    """A Constant node with a tensor or a number in it."""
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in node.attributes:
            held = node.attributes[name]
            dtype = None if name == "value" else (np.float32 if "float" in name else np.int64)
            return Constant(np.asarray(held, dtype))
    raise UnsupportedError("this kind of value is not supported")


OPERATOR = Operator(name="Constant", plan=plan)
