"""SwiGLU: values gated by the swish of others."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators import swish
from playground.operators._attributes import Attribute
from playground.operators._operator import Operator
from playground.programs.call import Array, Call


def run(call: Call, gate: Array, x: Array) -> Array:
    """Swish(gate) * x, both of one shape."""
    if gate.shape != x.shape:
        raise InvalidInputError(
            f"values of shapes {list(gate.shape)} and {list(x.shape)} do not fit each other", hint="Give one shape"
        )
    return np.asarray(swish.run(call, gate) * x, gate.dtype)


OPERATOR = Operator(name="SwiGLU", versions=(28, None), run=run, attributes=(Attribute("alpha", "float", 1.0),))
