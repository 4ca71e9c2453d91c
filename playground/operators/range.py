"""Range: numbers in equal steps."""

from __future__ import annotations

import math

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._operator import Operator, Takes
from playground.programs.call import Array, Call


def run(call: Call, start: Array, limit: Array, delta: Array) -> Array:
    """From start up to limit, without it, in steps of delta."""
    steps = (limit.item() - start.item()) / delta.item() if delta.item() else math.inf
    if not math.isfinite(steps):
        raise InvalidInputError(
            f"a range from {start.item()} to {limit.item()} in steps of {delta.item()} has no end",
            hint="Use finite numbers and a step that is not 0",
        )
    call.room.value([max(0, math.ceil(steps))], np.float64)
    return np.arange(start.item(), limit.item(), delta.item()).astype(start.dtype)


OPERATOR = Operator(name="Range", takes=(Takes.NUMBER,), run=run)
