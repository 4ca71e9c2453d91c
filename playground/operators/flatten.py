"""Flatten: two axes, those before one and the rest."""

from __future__ import annotations

import math

import numpy as np

from playground.model.graph import Node
from playground.operators._attributes import Attribute
from playground.operators._moves import to_shape
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array) -> Array:
    """Two axes: what is before ``axis``, and the rest."""
    axis = call.get("axis")
    lead = math.prod(x.shape[: axis if axis >= 0 else x.ndim + axis])
    return x.reshape(lead, x.size // lead if lead else math.prod(x.shape[axis:]))


def plan(planner: Planner, node: Node) -> Symbol:
    """Flatten to two axes."""
    shape = planner.shape(node.inputs[0])
    axis = int(node.attributes["axis"])
    axis += len(shape) if axis < 0 else 0
    return to_shape(planner, node, (int(np.prod(shape[:axis])), int(np.prod(shape[axis:]))))


OPERATOR = Operator(
    name="Flatten",
    run=run,
    attributes=(Attribute("axis", "int", 1),),
    scales=Scales.PASSES,
    traits=Trait.HOMOGENEOUS | Trait.BY_CHANNEL | Trait.MOVES,
    forms=Form.DEFAULT,
    plan=plan,
)
