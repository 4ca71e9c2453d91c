"""Trilu: the upper or lower triangle of matrices."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import flag, single
from playground.operators._operator import Operator, Takes
from playground.programs.call import Array, Call


def run(call: Call, x: Array, k: Array | None = None) -> Array:
    """X with 0 below (or, with ``upper`` 0, above) the diagonal that lies k places above the main one."""
    if x.ndim < 2:
        raise InvalidInputError(f"a value of {x.ndim} axes has no triangle", hint="Give it matrices")
    # NumPy compares places in narrow integers: a diagonal outside of the matrix is as good as one just outside
    rows, columns = x.shape[-2:]
    diagonal = 0 if k is None else max(-rows - 1, min(int(single(k, "diagonal")), columns + 1))
    return np.triu(x, diagonal) if call.get("upper") else np.tril(x, diagonal)


OPERATOR = Operator(
    name="Trilu",
    versions=(14, None),
    run=run,
    attributes=(flag("upper", True),),
    data=(0,),
    takes=(Takes.VALUES, Takes.NUMBER),
    ranks=(2, 6),
)
