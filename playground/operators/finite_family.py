"""Which values are infinite, which are no numbers."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import flag
from playground.operators._operator import Operator
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def is_infinite(call: Call, x: Array) -> Array:
    """Where x is infinite, of the signs that are asked for."""
    found = np.isposinf(x) & bool(call.get("detect_positive"))
    return np.asarray(found | (np.isneginf(x) & bool(call.get("detect_negative"))))


def is_no_number(call: Call, x: Array) -> Array:
    """Where x is NaN."""
    return np.isnan(x)


OPERATORS = (
    Operator(
        name="IsInf",
        run=is_infinite,
        rank=as_input,
        attributes=(flag("detect_negative", True), flag("detect_positive", True)),
    ),
    Operator(name="IsNaN", run=is_no_number, rank=as_input),
)
