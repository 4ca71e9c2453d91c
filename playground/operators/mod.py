"""Mod: the remainder of a division."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import flag
from playground.operators._elementwise import together
from playground.operators._operator import Operator
from playground.programs.call import Array, Call


def run(call: Call, a: Array, b: Array) -> Array:
    """The remainder: with the sign of the divisor, or of the dividend with ``fmod``."""
    a, b = together(call, a, b)
    return np.asarray(np.fmod(a, b) if call.get("fmod") else np.mod(a, b))


OPERATOR = Operator(name="Mod", run=run, attributes=(flag("fmod"),))
