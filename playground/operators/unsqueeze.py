"""Unsqueeze: with new axes of size 1."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._attributes import Attribute
from playground.operators._moves import axes_of, to_shape
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._upgrades import axes_as_input
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array, given: Array | None = None) -> Array:
    """With new axes of size 1 at the given places of the result."""
    return np.expand_dims(x, tuple(call.axes(given) or []))


def plan(planner: Planner, node: Node) -> Symbol:
    """Unsqueeze: new axes of size 1."""
    shape = list(planner.shape(node.inputs[0]))
    count = planner.known(node.inputs[1], "list of axes").size
    for axis in sorted(axes_of(planner, node, len(shape) + count) or ()):
        shape.insert(axis, 1)
    return to_shape(planner, node, tuple(shape))


OPERATOR = Operator(
    name="Unsqueeze",
    takes=(Takes.VALUES, Takes.AXES),
    run=run,
    attributes=(Attribute("axes", "ints"),),
    data=(0,),
    scales=Scales.PASSES,
    traits=Trait.MOVES,
    forms=Form.DEFAULT,
    upgrade=axes_as_input,
    plan=plan,
)
