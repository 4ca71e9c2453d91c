"""Transpose: axes in another order."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._attributes import Attribute
from playground.operators._moves import part_of, turned
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators._ranks import ConstantOf, RankOf
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array) -> Array:
    """Axes in the order ``perm``, by default reversed."""
    return np.transpose(x, call.get("perm"))


def plan(planner: Planner, node: Node) -> Symbol:
    """Transpose: any order of axes."""
    shape = planner.shape(node.inputs[0])
    order = [int(a) for a in node.attributes.get("perm", range(len(shape))[::-1])]
    return part_of(planner, node, node.outputs[0], turned(shape, order))


def _rank(node: Node, rank: RankOf, known: ConstantOf) -> int | None:
    return len(node.attributes["perm"]) if "perm" in node.attributes else rank(node.inputs[0])


OPERATOR = Operator(
    name="Transpose",
    run=run,
    attributes=(Attribute("perm", "ints", low=0),),
    scales=Scales.PASSES,
    traits=Trait.MOVES,
    forms=Form.DEFAULT,
    rank=_rank,
    plan=plan,
)
