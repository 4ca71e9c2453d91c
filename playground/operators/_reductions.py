"""Float functions that take axes together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from playground.operators._attributes import flag
from playground.programs.call import Array, Call


def reduction(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function that takes axes together."""

    def run(call: Call, x: Array, given: Array | None = None) -> Array:
        axes = call.axes(given)
        if not axes and call.get("noop_with_empty_axes"):
            return x
        reduced = function(x, axis=tuple(axes) if axes else None, keepdims=bool(call.get("keepdims")))
        return np.asarray(reduced, x.dtype)

    return run


ATTRIBUTES = (flag("keepdims", True), flag("noop_with_empty_axes"))

SINCE, SINCE_OF_SUMS = (1, 18), (1, 13)
"""Since which operator sets there are values and axes as inputs."""
