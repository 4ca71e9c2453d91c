"""GatherND: slices by indices of several axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._places import places
from playground.programs.call import Array, Call


def run(call: Call, x: Array, indices: Array) -> Array:
    """Slices of x, each by a row of indices, which count along the axes after the first ``batch_dims``."""
    batch = call.get("batch_dims")
    depth = indices.shape[-1] if indices.ndim else 0
    if not (batch < min(x.ndim, indices.ndim) and 1 <= depth <= x.ndim - batch) or (
        x.shape[:batch] != indices.shape[:batch]
    ):
        raise InvalidInputError(
            f"indices of shape {list(indices.shape)} do not fit values of shape {list(x.shape)} in {batch} batch axes",
            hint="Give indices whose last axis is as long as there are axes to be indexed, and the same batch axes",
        )
    call.room.value((*indices.shape[:-1], *x.shape[batch + depth :]), np.result_type(x, np.int64))
    rank = indices.ndim - 1
    index: list[Any] = [
        np.arange(n).reshape(*(-1 if a == axis else 1 for a in range(rank))) for axis, n in enumerate(x.shape[:batch])
    ]
    index += [places(indices[..., i], x.shape[batch + i]) for i in range(depth)]
    return np.asarray(x[tuple(index)])


OPERATOR = Operator(
    name="GatherND",
    run=run,
    attributes=(Attribute("batch_dims", "int", 0, low=0),),
    data=(0,),
    scales=Scales.PASSES,
    traits=Trait.MOVES,
    forms=Form.FURTHER,
    takes=(Takes.VALUES, Takes.INDICES),
)
