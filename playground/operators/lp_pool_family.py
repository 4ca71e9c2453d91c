"""Pools by a norm: the root of the sum of powers under a window, or of whole images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from playground.operators._attributes import WINDOW, Attribute, flag
from playground.operators._elementwise import wide
from playground.operators._operator import Operator
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call
from playground.programs.windows import windows


def run(call: Call, x: Array) -> Array:
    """The norm of what each window sees; the padding is 0."""
    geometry = windows(call, x.shape[2:], tuple(call.get("kernel_shape")))
    geometry.require_room(call, x, x.shape[1])
    return _norm(call, x, geometry.taps(geometry.pad(_powers(call, x), 0)))


def run_global(call: Call, x: Array) -> Array:
    """The norm of each channel of each sample."""
    call.room.value(x.shape[:2], np.float64)
    return _norm(call, x, [_powers(call, x).sum(axis=tuple(range(2, x.ndim)), keepdims=True)])


def _powers(call: Call, x: Array) -> Array:
    return np.asarray(np.abs(wide(x)) ** call.get("p"))


def _norm(call: Call, x: Array, parts: Iterable[Array]) -> Array:
    return np.asarray(np.asarray(sum(parts)) ** (1 / call.get("p")), x.dtype)


_P = Attribute("p", "int", 2, low=1)

_WINDOW = tuple(replace(a, since=18) if a.name == "dilations" else a for a in WINDOW)

OPERATORS = (
    Operator(
        name="LpPool",
        run=run,
        ranks=(3, 5),
        attributes=(*_WINDOW, flag("ceil_mode", since=18), _P),
        rank=as_input,
    ),
    Operator(name="GlobalLpPool", run=run_global, ranks=(3, 5), attributes=(_P,), rank=as_input),
)
