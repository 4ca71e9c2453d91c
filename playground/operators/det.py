"""Det: determinants of matrices."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._operator import Operator
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """The determinant of each matrix on the last two axes."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise InvalidInputError(
            f"a value of shape {list(x.shape)} has no square matrices on its last axes", hint="Give square matrices"
        )
    call.room.value(x.shape[:-2], np.float64)
    call.room.work(x.size * x.shape[-1])
    return np.asarray(np.linalg.det(x.astype(np.result_type(x, np.float32))), x.dtype)


OPERATOR = Operator(name="Det", run=run, ranks=(2, 6))
