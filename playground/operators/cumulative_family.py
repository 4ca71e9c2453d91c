"""Sums and products of all values up to each place of an axis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from playground.operators._attributes import axis_of, flag
from playground.operators._operator import Operator, Run, Takes
from playground.operators._places import number_of
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def _cumulative(function: Callable[..., Array], start: int) -> Run:
    def run(call: Call, x: Array, axis: Array) -> Array:
        """Along an axis, from its end if asked; without the own value if asked, beginning with the neutral one."""
        along = axis_of(number_of(axis, "axis"), x.ndim)
        turned = np.flip(x, along) if call.get("reverse") else x
        made = function(turned, axis=along, dtype=x.dtype)
        if call.get("exclusive") and x.shape[along]:
            first = np.full_like(np.take(made, [0], along), start)
            made = np.concatenate((first, np.delete(made, -1, along)), along)
        return np.flip(made, along) if call.get("reverse") else made

    return run


OPERATORS = tuple(
    Operator(
        name=name,
        run=_cumulative(function, start),
        since=(since,),
        rank=as_input,
        attributes=(flag("exclusive"), flag("reverse")),
        data=(0,),
        takes=(Takes.VALUES, Takes.AXES),
    )
    for name, since, function, start in (("CumProd", 26, np.cumprod, 1), ("CumSum", 11, np.cumsum, 0))
)
