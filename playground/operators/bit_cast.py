"""BitCast: the same bits as values of another type."""

from __future__ import annotations

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute
from playground.operators._operator import Operator
from playground.operators._places import stored_type
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """The bits of x as another type of the same width."""
    dtype = stored_type(call.get("to"), "BitCast")
    if dtype.itemsize != x.dtype.itemsize:
        raise InvalidInputError(
            f"values of type {x.dtype} do not have the width of {dtype}", hint="Use a type of the same width"
        )
    return x.view(dtype)


OPERATOR = Operator(name="BitCast", run=run, since=(26,), attributes=(Attribute("to", "int", required=True),))
