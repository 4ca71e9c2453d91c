"""TopK: the largest or smallest values along an axis, and where they are."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.model.graph import Node
from playground.operators._attributes import Attribute, axis_of, flag, single
from playground.operators._operator import Operator, Takes
from playground.operators._ranks import as_input
from playground.operators._upgrades import Older, stated, without
from playground.programs.call import Array, Call


def run(call: Call, x: Array, k: Array) -> tuple[Array, Array]:
    """The k largest (or smallest) values along an axis, in order, and their indices, int64; of equal ones the first.

    Raises:
        InvalidInputError: there are no k values.
    """
    axis = axis_of(call.get("axis"), x.ndim)
    count = int(single(k, "number of values"))
    if not 0 <= count <= x.shape[axis]:
        raise InvalidInputError(
            f"{count} of {x.shape[axis]} values cannot be chosen", hint=f"Use a number from 0 to {x.shape[axis]}"
        )
    call.room.value(x.shape, np.int64)
    if call.get("largest"):
        # A stable order from the end of the axis puts the first of equal values last, where the largest ones are
        order = np.argsort(np.flip(x, axis), axis, kind="stable")
        order = x.shape[axis] - 1 - np.flip(order, axis)
    else:
        order = np.argsort(x, axis, kind="stable")
    chosen = np.take(order, np.arange(count), axis)
    return np.take_along_axis(x, chosen, axis), chosen.astype(np.int64)


def _upgrade(older: Older, node: Node) -> Node:
    """How many values are chosen was an attribute before operator set 10."""
    count = stated(node, "k", "int", low=0)
    if older.opset >= 10 or count is None:
        return node
    made = older.constant(node, "k", np.array([count], np.int64))
    return without(node, "k", inputs=(node.inputs[0], made))


OPERATOR = Operator(
    name="TopK",
    run=run,
    attributes=(
        Attribute("axis", "int", -1),
        flag("largest", True, since=11),
        flag("sorted", True, since=11),
    ),
    data=(0,),
    takes=(Takes.VALUES, Takes.NUMBER),
    rank=as_input,
    since=(1, 10),
    upgrade=_upgrade,
)
