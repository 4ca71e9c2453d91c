"""Float functions that take axes together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from playground.operators._attributes import Attribute, axes_among, flag
from playground.programs.call import Array, Call


def reduction(function: Callable[..., Array], alone: Callable[[Array], Array] = np.asarray) -> Callable[..., Array]:
    """A function that takes axes together.

    Args:
        function: called with x, ``axis`` and ``keepdims``.
        alone: what it does to values if no axis is named and none is to be taken together.
    """

    def run(call: Call, x: Array, given: Array | None = None) -> Array:
        axes = axes_among(call.axes(given) or (), x.ndim)
        if not axes and call.get("noop_with_empty_axes"):
            return np.asarray(alone(x), x.dtype)
        reduced = function(x, axis=tuple(axes) if axes else None, keepdims=bool(call.get("keepdims")))
        return np.asarray(reduced, x.dtype)

    return run


def largest(x: Array, *, axis: tuple[int, ...] | None, keepdims: bool) -> Array:
    """The largest values; of none, the lowest that there is."""
    return np.asarray(np.max(x, axis=axis, keepdims=keepdims, initial=_end(x, -1)))


def smallest(x: Array, *, axis: tuple[int, ...] | None, keepdims: bool) -> Array:
    """The smallest values; of none, the highest that there is."""
    return np.asarray(np.min(x, axis=axis, keepdims=keepdims, initial=_end(x, 1)))


def _end(x: Array, sign: int) -> float | bool:
    if x.dtype.kind == "b":
        return sign > 0
    if x.dtype.kind == "f":
        return sign * np.inf
    return np.iinfo(x.dtype).max if sign > 0 else np.iinfo(x.dtype).min


SINCE, SINCE_OF_SUMS = 18, 13
"""Since which operator set axes are an input."""


def attributes(since: int) -> tuple[Attribute, ...]:
    """Those of a reduction whose axes are an input since an operator set."""
    return flag("keepdims", True), flag("noop_with_empty_axes", since=since)
