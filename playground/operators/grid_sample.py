"""GridSample: values of images at given coordinates."""

from __future__ import annotations

import math

import numpy as np

from playground.errors import InvalidInputError
from playground.model.graph import Node
from playground.operators import _sampling as sampling
from playground.operators._attributes import Attribute, flag, text
from playground.operators._operator import Operator, Takes
from playground.operators._upgrades import Older, stated, without
from playground.programs.call import Array, Call
from playground.programs.room import STEP

_MODES = {
    "nearest": (sampling.nearest, 1),
    "linear": (sampling.linear, 2),
    "cubic": (sampling.cubic, 4),
}
"""Mode -> its function, and how many places along an axis it takes."""

_OLDER = {"bilinear": "linear", "bicubic": "cubic"}
"""What modes were called before operator set 20."""


def run(call: Call, x: Array, grid: Array) -> Array:
    """Values of images between their places.

    Args:
        call: ``mode``, ``padding_mode``; ``align_corners``: -1 and 1 are the middles of the outermost places.
        x: (batch, channels, *spatial).
        grid: coordinates (batch, *out, axes), from -1 to 1 along each axis, the last axis first.
    """
    axes = x.ndim - 2
    if axes < 1 or grid.ndim != x.ndim or grid.shape[0] != x.shape[0] or grid.shape[-1] != axes:
        raise InvalidInputError(
            f"a grid of shape {list(grid.shape)} does not fit values of shape {list(x.shape)}",
            hint="Give a grid (batch, *out, axes) to values (batch, channels, *spatial)",
        )
    function, count = _MODES[text(call.get("mode"))]
    made = (*x.shape[:2], *grid.shape[1:-1])
    if 0 in x.shape[2:] and math.prod(made):
        raise InvalidInputError(f"images of shape {list(x.shape)} have no values", hint="Give larger images")
    kind = np.result_type(grid, np.float32)
    call.room.value(made, np.result_type(kind, x, np.int64))
    call.room.work((math.prod(made) + STEP) * count**axes)
    aligned, padding = bool(call.get("align_corners")), text(call.get("padding_mode"))
    taps = []
    for axis, size in enumerate(x.shape[2:]):
        at = grid[..., axes - 1 - axis].astype(kind) + 1
        at = at / 2 * (size - 1) if aligned else (at * size - 1) / 2
        taps.append(function(at))
    reflects = padding == "reflection"
    outside = _reflected(aligned) if reflects else _border if padding == "border" else sampling.zeros
    return sampling.sample(x, taps, outside).astype(x.dtype, copy=False)


def _border(places: Array, size: int) -> tuple[Array, None]:
    """Outside of the image the outermost values go on."""
    return np.clip(places, 0, size - 1), None


def _reflected(aligned: bool) -> sampling.Padding:
    """Outside of the image it is seen in a mirror: at the middle of the outermost places, or at their edge."""

    def outside(places: Array, size: int) -> tuple[Array, None]:
        period = max(2 * (size - 1), 1) if aligned else 2 * size
        within = places % period
        return np.minimum(within, (period if aligned else period - 1) - within) if size > 1 else 0 * places, None

    return outside


def _upgrade(older: Older, node: Node) -> Node:
    """Modes had names of two axes; the one that is meant by default needs none."""
    given = stated(node, "mode", "string")
    if older.opset >= 20 or given is None:
        return node
    mode = _OLDER.get(text(given), given)
    return without(node, "mode") if mode == "linear" else without(node, mode=mode)


OPERATOR = Operator(
    name="GridSample",
    run=run,
    since=(16,),
    upgrade=_upgrade,
    ranks=(3, 5),
    attributes=(
        flag("align_corners"),
        Attribute("mode", "string", "linear", choices=tuple(_MODES), later=dict.fromkeys(_OLDER.values(), 20)),
        Attribute("padding_mode", "string", "zeros", choices=("zeros", "border", "reflection")),
    ),
    data=(0,),
    takes=(Takes.VALUES, Takes.PARAMETER),
)
