"""Unsqueeze: with new axes of size 1."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._moves import axes_of, to_shape
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._ranks import ConstantOf, RankOf, axes
from playground.operators._upgrades import integers_as_input
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array, given: Array) -> Array:
    """With new axes of size 1 at the given places of the result."""
    return np.expand_dims(x, tuple(call.axes(given) or []))


def plan(planner: Planner, node: Node) -> Symbol:
    """Unsqueeze: new axes of size 1."""
    shape = list(planner.shape(node.inputs[0]))
    count = planner.known(node.inputs[1], "list of axes").size
    for axis in sorted(axes_of(planner, node, len(shape) + count) or ()):
        shape.insert(axis, 1)
    return to_shape(planner, node, tuple(shape))


def _rank(node: Node, rank: RankOf, known: ConstantOf) -> int | None:
    given, new = rank(node.inputs[0]), axes(node, known)
    return None if given is None or new is None else given + new


OPERATOR = Operator(
    name="Unsqueeze",
    takes=(Takes.VALUES, Takes.AXES),
    run=run,
    data=(0,),
    scales=Scales.PASSES,
    traits=Trait.MOVES,
    forms=Form.DEFAULT,
    rank=_rank,
    since=(13,),
    upgrade=integers_as_input("axes", 1, before=13),
    plan=plan,
)
