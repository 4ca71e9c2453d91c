"""Identity."""

from __future__ import annotations

from playground.model.graph import Node
from playground.operators._operator import Operator, Trait
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array) -> Array:
    """X as it is."""
    return x


def plan(planner: Planner, node: Node) -> Symbol:
    """What its input is."""
    return planner.symbol(node.inputs[0])


OPERATOR = Operator(
    name="Identity", run=run, rank=as_input, traits=Trait.HOMOGENEOUS | Trait.BY_CHANNEL | Trait.REMOVABLE, plan=plan
)
