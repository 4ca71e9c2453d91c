"""EyeLike: ones on a diagonal."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute
from playground.operators._operator import Operator
from playground.operators._places import stored_type
from playground.operators._ranks import always
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """A matrix of x's shape, with ones on its diagonal ``k``, of x's type unless ``dtype`` states another."""
    if x.ndim != 2:
        raise InvalidInputError(f"a value of shape {list(x.shape)} is not a matrix", hint="Give a value of 2 axes")
    dtype = x.dtype if call.get("dtype") is None else stored_type(call.get("dtype"), "EyeLike")
    call.room.value(x.shape, np.float64)
    return np.asarray(np.eye(x.shape[0], x.shape[1], call.get("k")), dtype)


OPERATOR = Operator(
    name="EyeLike", run=run, attributes=(Attribute("dtype", "int"), Attribute("k", "int", 0)), data=(), rank=always(2)
)
