"""BitShift: whole numbers times or over powers of two."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute, text
from playground.operators._elementwise import together
from playground.operators._operator import Operator
from playground.operators._ranks import broadcast
from playground.programs.call import Array, Call


def run(call: Call, x: Array, by: Array) -> Array:
    """Bits of x moved by so many places, the sign kept where they go right; beyond x's width only the sign is left."""
    if x.dtype.kind not in "iu" or x.dtype != by.dtype:
        raise InvalidInputError(
            f"values of type {x.dtype} cannot be shifted by {by.dtype}", hint="Use integers of one type for both"
        )
    together(call, x, by)
    beyond = (by < 0) | (by >= 8 * x.dtype.itemsize)
    places = np.where(beyond, x.dtype.type(0), by)
    if text(call.get("direction")) == "LEFT":
        return np.where(beyond, x.dtype.type(0), np.left_shift(x, places))
    sign = np.where(x < 0, ~x.dtype.type(0), x.dtype.type(0))
    return np.where(beyond, sign, np.right_shift(x, places))


OPERATOR = Operator(
    name="BitShift",
    run=run,
    rank=broadcast,
    attributes=(Attribute("direction", "string", required=True, choices=("LEFT", "RIGHT")),),
)
