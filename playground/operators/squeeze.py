"""Squeeze: without axes of size 1."""

from __future__ import annotations

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._moves import axes_of, to_shape
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._ranks import ConstantOf, RankOf, axes
from playground.operators._upgrades import integers_as_input
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array, given: Array | None = None) -> Array:
    """Without the given axes of size 1, or without all of them."""
    axes = call.axes(given)
    return np.squeeze(x, None if axes is None else tuple(axes))


def plan(planner: Planner, node: Node) -> Symbol:
    """Squeeze of the named axes, or of all of size 1."""
    shape = planner.shape(node.inputs[0])
    axes = axes_of(planner, node, max(len(shape), 1))
    gone = [i for i, n in enumerate(shape) if n == 1] if axes is None else axes
    if any(shape[i] != 1 for i in gone):
        raise UnsupportedError(f"axes {gone} of a value of shape {shape} are not all of size 1")
    return to_shape(planner, node, tuple(n for i, n in enumerate(shape) if i not in gone))


def _rank(node: Node, rank: RankOf, known: ConstantOf) -> int | None:
    given, gone = rank(node.inputs[0]), axes(node, known)
    return None if given is None or not gone else given - gone


OPERATOR = Operator(
    name="Squeeze",
    takes=(Takes.VALUES, Takes.AXES),
    run=run,
    data=(0,),
    scales=Scales.PASSES,
    traits=Trait.MOVES,
    forms=Form.DEFAULT,
    rank=_rank,
    since=(1, 13),
    upgrade=integers_as_input("axes", 1, before=13),
    plan=plan,
)
