"""Range: numbers in equal steps."""

from __future__ import annotations

import numpy as np

from playground.operators._operator import Operator
from playground.programs.call import Array, Call


def run(call: Call, start: Array, limit: Array, delta: Array) -> Array:
    """From start up to limit, without it, in steps of delta."""
    return np.arange(start.item(), limit.item(), delta.item()).astype(start.dtype)


OPERATOR = Operator(name="Range", run=run)
