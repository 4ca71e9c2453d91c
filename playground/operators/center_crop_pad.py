"""CenterCropPad: axes cut or filled up with 0 to given sizes, around their middle."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import Attribute, axes_among
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._places import sizes_of
from playground.programs.call import Array, Call


def run(call: Call, x: Array, shape: Array) -> Array:
    """X with given sizes of all axes, or of ``axes``; what is odd is cut off, or added, at the end."""
    axes = call.get("axes")
    named = axes_among(range(x.ndim) if axes is None else axes, x.ndim)
    sizes = dict(zip(named, sizes_of(shape, len(named)), strict=True))
    wanted = [sizes.get(axis, n) for axis, n in enumerate(x.shape)]
    call.room.value(wanted, x.dtype)
    made = np.zeros(wanted, x.dtype)
    both = list(zip(x.shape, wanted, strict=True))
    kept = tuple(slice(max(0, n - new) // 2, max(0, n - new) // 2 + min(n, new)) for n, new in both)
    into = tuple(slice(max(0, new - n) // 2, max(0, new - n) // 2 + min(n, new)) for n, new in both)
    made[into] = x[kept]
    return made


OPERATOR = Operator(
    name="CenterCropPad",
    run=run,
    since=(18,),
    attributes=(Attribute("axes", "ints"),),
    data=(0,),
    scales=Scales.PASSES,
    traits=Trait.MOVES,
    forms=Form.FURTHER,
    takes=(Takes.VALUES, Takes.SIZES),
)
