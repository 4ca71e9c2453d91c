"""Flatten: two axes, those before one and the rest."""

from __future__ import annotations

import math

from playground.model.graph import Node
from playground.operators._attributes import Attribute, axis_of
from playground.operators._moves import to_shape
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators._ranks import always
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array) -> Array:
    """Two axes: what is before ``axis``, and the rest."""
    return x.reshape(_two(x.shape, call.get("axis")))


def _two(shape: tuple[int, ...], axis: int) -> tuple[int, int]:
    """The sizes before an axis and from there on; the axis may be the one after the last."""
    at = axis if axis == len(shape) else axis_of(axis, len(shape))
    return math.prod(shape[:at]), math.prod(shape[at:])


def plan(planner: Planner, node: Node) -> Symbol:
    """Flatten to two axes."""
    return to_shape(planner, node, _two(planner.shape(node.inputs[0]), node.attributes["axis"]))


OPERATOR = Operator(
    name="Flatten",
    run=run,
    attributes=(Attribute("axis", "int", 1),),
    scales=Scales.PASSES,
    traits=Trait.HOMOGENEOUS | Trait.BY_CHANNEL | Trait.MOVES,
    forms=Form.DEFAULT,
    rank=always(2),
    plan=plan,
)
