"""Slice: parts of axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._attributes import axis_of
from playground.operators._moves import part_of
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._ranks import as_input
from playground.operators._upgrades import Older, stated, without
from playground.programs.call import Array, Call
from playground.programs.integer_ops import Box
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array, starts: Array, ends: Array, *more: Array | None) -> Array:
    """Parts of axes, limits cut to what there is. Inputs: starts, ends, axes, steps."""
    axes, steps = (*more, None, None)[:2]
    first, last = [int(n) for n in starts], [int(n) for n in ends]
    places = call.axes(axes) or list(range(len(first)))
    step = [1] * len(first) if steps is None else [int(n) for n in steps]
    index: list[Any] = [slice(None)] * x.ndim
    for axis, start, end, by in zip(places, first, last, step, strict=True):
        # Python cuts limits likewise; only "before the first element" has no number of its own
        index[axis] = slice(start, None if by < 0 and end < -x.shape[axis] else end, by)
    return np.asarray(x[tuple(index)])


def plan(planner: Planner, node: Node) -> Symbol:
    """Slice with constant ranges."""
    shape = planner.shape(node.inputs[0])
    starts, ends, axes, steps = _slice_inputs(planner, node)
    if starts is None or ends is None:
        raise UnsupportedError("the starts or ends are missing")
    chosen: list[slice] = [slice(None)] * len(shape)
    for i, axis in enumerate(axes or range(len(starts))):
        step = steps[i] if steps else 1
        before_the_first = step < 0 and ends[i] < -shape[axis]
        chosen[axis_of(axis, len(shape))] = slice(starts[i], None if before_the_first else ends[i], step)
    ranges = [range(*s.indices(n)) for s, n in zip(chosen, shape, strict=True)]
    starts_at = tuple(r.start for r in ranges)
    # the step to a place that is not there may be any number, and has to fit no word
    by = tuple(r.step if len(r) > 1 else 1 for r in ranges)
    box = Box(tuple(range(len(shape))), starts_at, by, tuple(len(r) for r in ranges))
    return part_of(planner, node, node.outputs[0], box)


def _slice_inputs(planner: Planner, node: Node) -> list[list[int] | None]:
    """Starts, ends, axes and steps."""
    names = [*node.inputs[1:5], *[""] * (5 - len(node.inputs))]
    return [[int(n) for n in planner.known(name, "range").reshape(-1)] if name else None for name in names]


def _upgrade(older: Older, node: Node) -> Node:
    """Limits and axes were attributes before operator set 10."""
    if older.opset >= 10:
        return node
    inputs = [node.inputs[0]]
    for name in ("starts", "ends", "axes"):
        given = stated(node, name, "ints", low=-(2**63), high=2**63 - 1)
        inputs.append("" if given is None else older.constant(node, name, np.array(given, np.int64)))
    return without(node, "starts", "ends", "axes", inputs=inputs)


OPERATOR = Operator(
    name="Slice",
    takes=(Takes.VALUES, Takes.BOUNDS, Takes.BOUNDS, Takes.AXES, Takes.STEPS),
    run=run,
    data=(0,),
    scales=Scales.PASSES,
    traits=Trait.MOVES,
    forms=Form.DEFAULT,
    rank=as_input,
    since=(10,),
    upgrade=_upgrade,
    plan=plan,
)
