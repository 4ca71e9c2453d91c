"""LogSoftmax: the logarithm of softmax."""

from __future__ import annotations

from playground.model.graph import Node
from playground.operators._operator import Operator
from playground.operators._planning import folded
from playground.operators._ranks import as_input
from playground.operators._upgrades import rows_from_axis
from playground.operators.softmax import AXIS, log_softmax, of_floats
from playground.programs.planner import Planner, Symbol


def plan(planner: Planner, node: Node) -> Symbol:
    """LogSoftmax of floats; of constants it is folded."""
    return folded(planner, node) if planner.is_constant(node.inputs[0]) else of_floats(planner, node, is_log=True)


OPERATOR = Operator(
    name="LogSoftmax",
    run=log_softmax,
    attributes=(AXIS,),
    rank=as_input,
    since=(13,),
    upgrade=rows_from_axis,
    plan=plan,
)
