"""Split: an axis in pieces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.errors import InvalidInputError
from playground.model.graph import Node
from playground.operators._attributes import Attribute, axis_of
from playground.operators._moves import part_of
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._ranks import as_input
from playground.operators._upgrades import Older, integers_as_input, without
from playground.programs.call import Array, Call
from playground.programs.integer_ops import Box
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array, given: Array | None = None) -> tuple[Array, ...]:
    """Pieces along ``axis``, of the given sizes or (but for the last one) equal."""
    axis, sizes = call.get("axis"), None if given is None else given.tolist()
    if sizes is None:
        step = -(-x.shape[axis] // call.outputs)
        sizes = [min(step, x.shape[axis] - i * step) for i in range(call.outputs)]
    _check(sizes, call.outputs, x.shape[axis])
    return tuple(np.split(x, np.cumsum(sizes)[: call.outputs - 1], axis))


def _check(sizes: Sequence[int], count: int, whole: int) -> None:
    """Raise InvalidInputError unless ``sizes`` are those of ``count`` pieces of an axis."""
    if len(sizes) != count or sum(sizes) != whole or min(sizes, default=0) < 0:
        raise InvalidInputError(
            f"{count} pieces of sizes {list(sizes)} do not fill an axis of {whole} places",
            hint="Give sizes that add up to the axis",
        )


def plan(planner: Planner, node: Node) -> tuple[Symbol, ...]:
    """Split along an axis, into equal or stated parts."""
    shape = planner.shape(node.inputs[0])
    axis, count = axis_of(node.attributes["axis"], len(shape)), len(node.outputs)
    given = planner.known(node.inputs[1], "list of sizes") if len(node.inputs) > 1 and node.inputs[1] else None
    part = -(-shape[axis] // count)
    sizes = [min(part, shape[axis] - i * part) for i in range(count)] if given is None else [int(n) for n in given]
    _check(sizes, count, shape[axis])
    made, axes, ones = [], tuple(range(len(shape))), (1,) * len(shape)
    for i, output in enumerate(node.outputs):
        starts = tuple(sum(sizes[:i]) if a == axis else 0 for a in axes)
        into = tuple(sizes[i] if a == axis else n for a, n in enumerate(shape))
        made.append(part_of(planner, node, output, Box(axes, starts, ones, into)))
    return tuple(made)


def _passes(node: Node) -> tuple[int, ...]:
    """All outputs have the input's scale."""
    return tuple(range(len(node.outputs)))


def _upgrade(older: Older, node: Node) -> Node:
    """Sizes become an input; where there are none, how many parts there are is stated."""
    node = _SIZES(older, node)
    given = len(node.inputs) > 1 and node.inputs[1]
    return node if older.opset >= 18 or given else without(node, num_outputs=len(node.outputs))


_SIZES = integers_as_input("split", 1, before=13)

OPERATOR = Operator(
    name="Split",
    takes=(Takes.VALUES, Takes.SIZES),
    run=run,
    attributes=(Attribute("axis", "int", 0), Attribute("num_outputs", "int", low=1, since=18)),
    data=(0,),
    scales=Scales.PASSES,
    passes=_passes,
    traits=Trait.MOVES,
    forms=Form.FURTHER | Form.NAMED,
    rank=as_input,
    since=(2, 13),
    upgrade=_upgrade,
    plan=plan,
)
