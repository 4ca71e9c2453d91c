"""GlobalMaxPool: the largest value of each channel of an image."""

from __future__ import annotations

import numpy as np

from playground.operators._operator import Operator, Trait
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """The largest value over all spatial axes, which are kept with size 1."""
    return np.asarray(np.max(x, axis=tuple(range(2, x.ndim)), keepdims=True))


OPERATOR = Operator(
    name="GlobalMaxPool",
    ranks=(3, 5),
    run=run,
    traits=Trait.MONOTONIC | Trait.HOMOGENEOUS | Trait.BY_CHANNEL,
    rank=as_input,
)
