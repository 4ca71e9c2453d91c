"""ReverseSequence: the first values of every sequence in reverse order."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute
from playground.operators._operator import Operator, Takes
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def run(call: Call, x: Array, lengths: Array) -> Array:
    """X with the first ``lengths[b]`` values along the time axis reversed, for every b of the batch axis."""
    time, batch = int(call.get("time_axis")), int(call.get("batch_axis"))
    if x.ndim < 2 or time == batch or lengths.shape != (x.shape[batch],):
        raise InvalidInputError(
            f"lengths of shape {list(lengths.shape)} do not fit values of shape {list(x.shape)}",
            hint="Give one length for each sequence, and different axes 0 and 1",
        )
    steps = x.shape[time]
    if lengths.size and not 0 <= lengths.min() <= lengths.max() <= steps:
        raise InvalidInputError(
            f"lengths from {lengths.min()} to {lengths.max()} do not fit sequences of {steps}",
            hint=f"Use lengths from 0 to {steps}",
        )
    call.room.value((len(lengths), steps), np.int64)
    places, ends = np.arange(steps), lengths.astype(np.int64)[:, None]
    order = np.where(places < ends, ends - 1 - places, places)
    order = order if time else order.T
    return np.take_along_axis(x, order.reshape(*order.shape, *[1] * (x.ndim - 2)), time)


OPERATOR = Operator(
    name="ReverseSequence",
    versions=(10, None),
    run=run,
    attributes=(Attribute("batch_axis", "int", 1, low=0, high=1), Attribute("time_axis", "int", 0, low=0, high=1)),
    data=(0,),
    takes=(Takes.VALUES, Takes.SIZES),
    ranks=(2, 6),
    rank=as_input,
)
