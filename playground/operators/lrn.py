"""LRN: values over a power of the squares of channels nearby."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute
from playground.operators._elementwise import wide
from playground.operators._operator import Operator
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call
from playground.programs.room import STEP


def run(call: Call, x: Array) -> Array:
    """X / (bias + alpha / size * sum) ** beta; the sum is that of the squares of ``size`` channels around each."""
    if x.ndim < 2:
        raise InvalidInputError(f"values of shape {list(x.shape)} have no channels", hint="Give (batch, channels, ...)")
    size, channels = call.get("size"), x.shape[1]
    before, after = (min((size - 1 + more) // 2, channels) for more in (0, 1))
    call.room.work((x.size + STEP) * (before + after + 1))
    values = wide(x)
    squares, sums = values * values, np.zeros_like(values)
    for step in range(-before, after + 1):
        sums[:, max(0, -step) : channels - max(0, step)] += squares[:, max(0, step) : channels - max(0, -step)]
    base = call.get("bias") + call.get("alpha") / size * sums
    return np.asarray(values / base ** call.get("beta"), x.dtype)


OPERATOR = Operator(
    name="LRN",
    run=run,
    rank=as_input,
    ranks=(4, 4),
    attributes=(
        Attribute("alpha", "float", 0.0001),
        Attribute("beta", "float", 0.75),
        Attribute("bias", "float", 1.0),
        Attribute("size", "int", required=True, low=1),
    ),
)
