"""If: one of two graphs, by a condition."""

from __future__ import annotations

from playground.operators._attributes import Attribute
from playground.operators._graphs import condition
from playground.operators._operator import Operator, Takes
from playground.programs.call import Array, Call
from playground.tasks import Task


def run_graphs(call: Call, given: Array) -> Task[tuple[Array, ...]]:
    """The outputs of the branch that the condition chooses. Nothing of the other one is computed."""
    return (yield from call.run_graph(call.attributes["then_branch" if condition(given) else "else_branch"], ()))


OPERATOR = Operator(
    name="If",
    takes=(Takes.CONDITION,),
    run_graphs=run_graphs,
    attributes=(
        Attribute("then_branch", "graph", required=True),
        Attribute("else_branch", "graph", required=True),
    ),
    data=(),
)
