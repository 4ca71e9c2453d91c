"""Tile: values repeated along every axis."""

from __future__ import annotations

import numpy as np

from playground.operators._operator import Operator
from playground.programs.call import Array, Call


def run(call: Call, x: Array, repeats: Array) -> Array:
    """X repeated along every axis."""
    return np.tile(x, tuple(int(n) for n in repeats))


OPERATOR = Operator(name="Tile", run=run, data=(0,))
