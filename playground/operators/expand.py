"""Expand: values repeated along axes of size 1."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._moves import part_of
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._ranks import ConstantOf, RankOf, length_of
from playground.programs.call import Array, Call
from playground.programs.integer_ops import Box
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array, shape: Array) -> Array:
    """X broadcast together with a shape."""
    wanted = np.broadcast_shapes(x.shape, tuple(int(n) for n in shape))
    call.room.value(wanted, x.dtype)
    return np.broadcast_to(x, wanted)


def plan(planner: Planner, node: Node) -> Symbol:
    """Expand by repeating axes of size 1."""
    old = planner.shape(node.inputs[0])
    shape = np.broadcast_shapes(old, tuple(int(n) for n in planner.known(node.inputs[1], "shape")))
    extra = len(shape) - len(old)
    axes = tuple(i - extra if i >= extra and old[i - extra] == n else -1 for i, n in enumerate(shape))
    return part_of(planner, node, node.outputs[0], Box(axes, (0,) * len(axes), (1,) * len(axes), shape))


def _rank(node: Node, rank: RankOf, known: ConstantOf) -> int | None:
    given, wanted = rank(node.inputs[0]), length_of(1)(node, rank, known)
    return None if given is None or wanted is None else max(given, wanted)


OPERATOR = Operator(
    name="Expand",
    takes=(Takes.VALUES, Takes.SIZES),
    run=run,
    data=(0,),
    scales=Scales.PASSES,
    traits=Trait.MOVES,
    forms=Form.FURTHER,
    rank=_rank,
    plan=plan,
)
