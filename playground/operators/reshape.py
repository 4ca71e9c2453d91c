"""Reshape: the same values in another shape."""

from __future__ import annotations

import math

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._attributes import flag
from playground.operators._dynamic_biases import is_bias, or_dynamic
from playground.operators._moves import to_shape
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._ranks import length_of
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array, shape: Array) -> Array:
    """A new shape: -1 is what is left, 0 the input's own size there (unless ``allowzero``)."""
    sizes = [int(n) for n in shape]
    if not call.get("allowzero"):
        sizes = [x.shape[axis] if n == 0 else n for axis, n in enumerate(sizes)]
    return x.reshape(sizes)


def plan(planner: Planner, node: Node) -> Symbol:
    """Reshape to a known shape, with ONNX's 0 (keep) and -1 (the rest)."""
    old = planner.shape(node.inputs[0])
    wanted = [int(n) for n in planner.known(node.inputs[1], "shape")]
    if not node.attributes["allowzero"]:
        wanted = [old[i] if n == 0 else n for i, n in enumerate(wanted)]
    size = math.prod(old)
    if -1 in wanted:
        wanted[wanted.index(-1)] = size // -math.prod(wanted)
    if math.prod(wanted) != size or min(wanted, default=0) < 0:
        raise UnsupportedError(f"shape {old} cannot become {tuple(wanted)}")
    return to_shape(planner, node, tuple(wanted))


def _of_bias(planner: Planner, node: Node) -> Symbol | None:
    return plan(planner, node) if is_bias(planner.symbol(node.inputs[0])) else None


OPERATOR = Operator(
    name="Reshape",
    takes=(Takes.VALUES, Takes.SIZES),
    run=run,
    attributes=(flag("allowzero", since=14),),
    data=(0,),
    scales=Scales.PASSES,
    traits=Trait.MOVES | Trait.TAKES_DYNAMIC,
    forms=Form.DEFAULT,
    rank=length_of(1),
    plan=or_dynamic(_of_bias, plan),
)
