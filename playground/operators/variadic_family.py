"""The largest, the smallest and the sum of any number of values, element by element."""

from __future__ import annotations

from functools import reduce

import numpy as np

from playground.model.graph import Node
from playground.operators._elementwise import together, variadic
from playground.operators._floats import chained, combined, floats_only
from playground.operators._operator import Operator, Plan, Scales
from playground.operators._planning import table
from playground.programs import integer_ops as ops
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def mean(call: Call, *inputs: Array) -> Array:
    """The mean of any number of values, which broadcast."""
    together(call, *inputs)
    return np.asarray(reduce(np.add, inputs) / len(inputs), inputs[0].dtype)


def _choice(function: str) -> Plan:
    return lambda planner, node: table(planner, node) or chained(planner, node, function)


@floats_only
def _sum(planner: Planner, node: Node) -> Symbol:
    return chained(planner, node, "add")


@floats_only
def _mean(planner: Planner, node: Node) -> Symbol:
    chained(planner, node, "add").emit(total := f"{node.outputs[0]}:sum", np.float32(1), ops.Target("float32"))
    count = planner.constant(f"{node.outputs[0]}:count", np.array(len(node.inputs), np.float32))
    return combined(planner, "div", (total, count))


OPERATORS = (
    Operator(name="Max", run=variadic(np.maximum), scales=Scales.FUNCTION, plan=_choice("max")),
    Operator(name="Mean", run=mean, plan=_mean),
    Operator(name="Min", run=variadic(np.minimum), scales=Scales.FUNCTION, plan=_choice("min")),
    Operator(name="Sum", run=variadic(np.add), plan=_sum),
)
