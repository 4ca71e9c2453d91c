"""Values written to places of a copy, or taken together with what is there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from playground.errors import InvalidInputError
from playground.model.graph import Node
from playground.operators._attributes import AXIS, Attribute, axis_of, text
from playground.operators._operator import Operator, Takes
from playground.operators._places import places
from playground.operators._ranks import as_input
from playground.operators._upgrades import Older
from playground.programs.call import Array, Call

_TOGETHER = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def scatter_elements(call: Call, x: Array, indices: Array, updates: Array) -> Array:
    """X where, for every place of ``indices``, the update stands at that place with the index along ``axis``."""
    axis = axis_of(call.get("axis", 0), x.ndim)
    fits = indices.ndim == x.ndim and all(
        a == axis or n <= m for a, (n, m) in enumerate(zip(indices.shape, x.shape, strict=True))
    )
    if not fits or updates.shape != indices.shape:
        raise InvalidInputError(
            f"indices of shape {list(indices.shape)} and updates of shape {list(updates.shape)} do not fit values of "
            f"shape {list(x.shape)}",
            hint="Give indices and updates of one shape, not larger than the values besides the axis",
        )
    call.room.value((x.ndim, *indices.shape), np.int64)
    place: list[Array] = list(np.indices(indices.shape, sparse=True))
    place[axis] = places(indices, x.shape[axis])
    return _written(call, x, tuple(place), updates)


def scatter_nd(call: Call, x: Array, indices: Array, updates: Array) -> Array:
    """X where, for every row of ``indices``, which is a place of x, its update stands."""
    depth = indices.shape[-1] if indices.ndim else 0
    if not 1 <= depth <= x.ndim or updates.shape != (*indices.shape[:-1], *x.shape[depth:]):
        raise InvalidInputError(
            f"indices of shape {list(indices.shape)} and updates of shape {list(updates.shape)} do not fit values of "
            f"shape {list(x.shape)}",
            hint="Give an update for each row of indices",
        )
    return _written(call, x, tuple(places(indices[..., a], x.shape[a]) for a in range(depth)), updates)


def _written(call: Call, x: Array, place: tuple[Array, ...], updates: Array) -> Array:
    made, how = x.copy(), text(call.get("reduction", "none"))
    if how == "none":
        # Of several updates of one place the last one stays
        made[place] = updates
    elif how == "add" and x.dtype.kind == "b":
        np.logical_or.at(made, place, updates)
    else:
        _TOGETHER[how].at(made, place, updates)
    return made


def _upgrade(older: Older, node: Node) -> Node:
    """Scatter is ScatterElements today."""
    return replace(node, op="ScatterElements")


_REDUCTION = Attribute(
    "reduction", "string", "none", choices=("none", "add", "mul", "max", "min"), since=16, later={"max": 18, "min": 18}
)
_TAKES = (Takes.VALUES, Takes.INDICES, Takes.VALUES)

OPERATORS = (
    Operator(
        name="Scatter",
        versions=(9, 10),
        run=scatter_elements,
        attributes=(AXIS,),
        data=(0, 2),
        takes=_TAKES,
        rank=as_input,
        upgrade=_upgrade,
    ),
    Operator(
        name="ScatterElements",
        versions=(11, None),
        run=scatter_elements,
        attributes=(Attribute("axis", "int", 0), _REDUCTION),
        data=(0, 2),
        takes=_TAKES,
        rank=as_input,
    ),
    Operator(
        name="ScatterND",
        versions=(11, None),
        run=scatter_nd,
        attributes=(_REDUCTION,),
        data=(0, 2),
        takes=_TAKES,
        rank=as_input,
    ),
)
