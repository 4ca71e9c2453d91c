"""NonZero: where values are not 0."""

from __future__ import annotations

import numpy as np

from playground.operators._operator import Operator
from playground.operators._ranks import always
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """Places of the values that are not 0, int64 (axes, places)."""
    call.room.value((max(1, x.ndim), x.size), np.int64)
    return np.array(np.nonzero(np.atleast_1d(x)), np.int64)


OPERATOR = Operator(name="NonZero", versions=(9, None), run=run, rank=always(2))
