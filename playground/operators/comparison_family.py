"""Comparisons, and what is made of their results."""

from __future__ import annotations

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._elementwise import binary, unary
from playground.operators._floats import broadcast_together, floats_only
from playground.operators._operator import Operator, Plan
from playground.programs.float_steps import Compare
from playground.programs.planner import Codes, Planner, Symbol
from playground.programs.steps import Lookup


def _compared(function: str) -> Plan:
    """Planning of a comparison of two values of float32 or int32."""

    @floats_only
    def plan(planner: Planner, node: Node) -> Symbol:
        values = [planner.floating(name) for name in node.inputs]
        kinds = {planner.values[value].dtype for value in values}
        if len(kinds) > 1 or not kinds <= {"float32", "int32"}:
            raise UnsupportedError(f"values of type {' and '.join(sorted(kinds))} are not compared by the kernels")
        shape = broadcast_together(planner, values, np.bool_)
        planner.emit(Compare((values[0], values[1]), node.outputs[0], function), shape, "bool")
        return Codes(node.outputs[0])

    return plan


@floats_only
def _opposite(planner: Planner, node: Node) -> Symbol:
    """Not: a table of octets."""
    value = planner.floating(node.inputs[0])
    if planner.values[value].dtype != "bool":
        raise UnsupportedError("the input is not a condition")
    table = np.arange(256) == 0
    planner.emit(Lookup((value,), node.outputs[0], table), planner.values[value].shape, "bool")
    return Codes(node.outputs[0])


OPERATORS = (
    Operator(name="And", run=binary(np.logical_and)),
    Operator(name="Equal", run=binary(np.equal), plan=_compared("equal")),
    Operator(name="Greater", run=binary(np.greater), plan=_compared("greater")),
    Operator(name="GreaterOrEqual", run=binary(np.greater_equal), plan=_compared("greater_or_equal")),
    Operator(name="Less", run=binary(np.less), plan=_compared("less")),
    Operator(name="LessOrEqual", run=binary(np.less_equal), plan=_compared("less_or_equal")),
    Operator(name="Not", run=unary(np.logical_not), plan=_opposite),
    Operator(name="Or", run=binary(np.logical_or)),
    Operator(name="Xor", run=binary(np.logical_xor)),
)
