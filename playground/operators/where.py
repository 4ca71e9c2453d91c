"""Where: one of two values, by a condition."""

from __future__ import annotations

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._elementwise import together
from playground.operators._float_rows import integers_or_floats
from playground.operators._floats import broadcast_together
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._planning import folded
from playground.operators.add import hidden_by
from playground.programs.call import Array, Call
from playground.programs.float_steps import Choice
from playground.programs.planner import Codes, Planner, Symbol


def run(call: Call, condition: Array, a: Array, b: Array) -> Array:
    """A where the condition holds, b elsewhere."""
    return np.where(condition, *together(call, a, b, condition)[:2])


def plan(planner: Planner, node: Node) -> Symbol | tuple[Symbol, ...]:
    """Where with a constant condition and a constant so low that it becomes the lowest code; any choice of floats."""
    if all(planner.is_constant(name) for name in node.inputs):
        return folded(planner, node)
    return integers_or_floats(planner, node, _of_codes, _of_floats)


def _of_floats(planner: Planner, node: Node) -> Symbol:
    condition, a, b = (planner.floating(name) for name in node.inputs)
    dtypes = [planner.values[value].dtype for value in (condition, a, b)]
    if dtypes[0] != "bool" or dtypes[1] != dtypes[2] or dtypes[1] not in ("float32", "int32"):
        raise UnsupportedError(f"values of type {dtypes[1]} and {dtypes[2]} are not chosen from by the kernels")
    shape = broadcast_together(planner, (condition, a, b), dtypes[1])
    planner.emit(Choice((condition, a, b), node.outputs[0]), shape, dtypes[1])
    return Codes(node.outputs[0])


def _of_codes(planner: Planner, node: Node) -> Symbol:
    keeps = planner.known(node.inputs[0], "condition").astype(bool)
    first_is_fixed = planner.is_constant(node.inputs[1])
    kept, fixed = (node.inputs[2], node.inputs[1]) if first_is_fixed else node.inputs[1:3]
    low, x = planner.known(fixed, "other value"), planner.real(kept)
    if low.size != 1:
        raise UnsupportedError("only a choice between a value of up to 4 axes and one number is supported")
    hides = keeps if first_is_fixed else ~keeps
    return hidden_by(planner, node, x, hides, np.float32(low.reshape(())), added=False)


OPERATOR = Operator(
    name="Where",
    takes=(Takes.CONDITION, Takes.VALUES, Takes.VALUES),
    run=run,
    data=(1, 2),
    scales=Scales.CHOICE,
    inserts=lambda node: node.inputs[1:3],
    traits=Trait.MASKS,
    forms=Form.FURTHER,
    plan=plan,
)
