"""The arithmetic of ONNX's integer operators: zero-points as they are given, results brought to codes."""

from __future__ import annotations

import numpy as np

from playground.programs import integer_ops as ops
from playground.programs.call import Array


def zero_point(given: Array | None) -> Array:
    """A zero-point: a number where there is one for all, 0 where none is given."""
    if given is None:
        return np.zeros((), np.int8)
    return given.reshape(()) if given.size == 1 else given


def requantized(sums: Array, multiplier: Array, zero_point: Array) -> Array:
    """Sums times a multiplier, rounded to codes of the zero-point's type."""
    limits, point = np.iinfo(zero_point.dtype), int(zero_point.reshape(()))
    single = multiplier.reshape(()) if multiplier.size == 1 else multiplier
    to = ops.Target(zero_point.dtype.name, point, limits.min - point, limits.max - point)
    return ops.requantize(sums, single, to)
