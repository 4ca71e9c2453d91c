"""Float functions from NumPy's."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np

from playground.programs.call import Array, Call


def unary(function: Callable[[Array], Array]) -> Callable[..., Array]:
    """A function of one array; the result has its type."""
    return lambda call, x: function(x).astype(x.dtype, copy=False)


def binary(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """A function of two arrays, which broadcast."""
    return lambda call, a, b: function(*together(call, a, b))


def variadic(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """A function of two arrays, applied to any number of them in order."""
    return lambda call, *inputs: reduce(function, together(call, *inputs))


def wide(x: Array) -> Array:
    """X in the type in which runtimes add up: float16 as float32, other types as they are."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def together(call: Call, *inputs: Array) -> tuple[Array, ...]:
    """The arrays, if there is room for what they broadcast to."""
    shape = np.broadcast_shapes(*(x.shape for x in inputs))
    call.room.value(shape, np.result_type(*inputs))
    return inputs
