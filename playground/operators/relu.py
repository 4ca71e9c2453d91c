"""Relu: values below 0 become 0."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators.clip import clamped
from playground.programs.call import Array, Call
from playground.programs.fast_products import larger
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array) -> Array:
    """The larger of x and 0."""
    return larger(x, x.dtype.type(0))


def plan(planner: Planner, node: Node) -> Symbol:
    """Relu raises the lower limit of what comes before it."""
    return clamped(planner, node.inputs[0], 0.0, np.inf)


OPERATOR = Operator(
    name="Relu",
    run=run,
    scales=Scales.CLIPS,
    output_range=(0.0, np.inf),
    limits=lambda node, constants: (0.0, np.inf),
    traits=Trait.MONOTONIC | Trait.HOMOGENEOUS | Trait.BY_CHANNEL,
    forms=Form.DEFAULT,
    plan=plan,
)
