"""Size: the number of elements."""

from __future__ import annotations

import numpy as np

from playground.operators._operator import Operator
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """The number of elements, int64."""
    return np.array(x.size, np.int64)


OPERATOR = Operator(name="Size", run=run)
