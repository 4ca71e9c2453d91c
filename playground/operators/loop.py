"""Loop: a graph that runs again and again, on what it made the time before."""

from __future__ import annotations

import itertools

import numpy as np

from playground.errors import InvalidInputError
from playground.model.graph import Graph
from playground.operators._attributes import Attribute
from playground.operators._graphs import Stack, condition, require_outputs
from playground.operators._operator import Operator, Takes
from playground.programs.call import Array, Call
from playground.tasks import Task


def run_graphs(
    call: Call, trips: Array | None = None, start: Array | None = None, *carried: Array
) -> Task[tuple[Array, ...]]:
    """The carried values after the last iteration, and what every iteration gave besides, stacked.

    The body takes the number of the iteration, the condition and the carried values; it gives a condition, the carried
    values and what is stacked.
    """
    body: Graph = call.attributes["body"]
    require_outputs(len(body.outputs), 1 + len(carried), body.outputs)
    stacks = [Stack(call, info) for info in body.outputs[1 + len(carried) :]]
    going = start is None or condition(start)
    for iteration in itertools.count() if trips is None else range(_count(trips)):
        if not going:
            break
        given = np.asarray(iteration, np.int64), np.asarray(going), *carried
        kept, *made = yield from call.run_graph(body, given)
        going, carried = condition(kept), tuple(made[: len(carried)])
        for stack, value in zip(stacks, made[len(carried) :], strict=True):
            stack.add(value)
    return (*carried, *(stack.stacked() for stack in stacks))


def _count(trips: Array) -> int:
    if trips.size != 1:
        raise InvalidInputError(f"a trip count of shape {list(trips.shape)} is not one number", hint="Use one number")
    return int(trips.reshape(())[()])


OPERATOR = Operator(
    name="Loop",
    takes=(Takes.SIZES, Takes.CONDITION, Takes.VALUES),
    run_graphs=run_graphs,
    attributes=(Attribute("body", "graph", required=True),),
)
