"""Erf: the error function."""

from __future__ import annotations

import numpy as np

from playground.operators._floats import function_of_floats
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """The error function to within an ulp of float32: N. Juffa's two polynomials, evaluated in float64."""
    a = x.astype(np.float64)
    t, s = np.minimum(np.abs(a), 4.0), a * a  # beyond 4 it is 1 in float32
    inner = np.polyval([-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1], s)
    outer = np.polyval(
        [-1.72853470e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1, -1.28717512e-1],
        t,
    )
    far = np.copysign(1 - np.exp(outer * t - t), a)
    return np.where(t > 0.921875, far, inner * a + a).astype(x.dtype)


OPERATOR = Operator(
    name="Erf",
    run=run,
    scales=Scales.FUNCTION,
    output_range=(-1.0, 1.0),
    traits=Trait.MONOTONIC | Trait.BY_CHANNEL,
    forms=Form.FURTHER,
    plan=function_of_floats("erf"),
)
