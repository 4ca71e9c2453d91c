"""AffineGrid: where the places of an image come from under affine maps."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import flag
from playground.operators._operator import Operator, Takes
from playground.operators._places import sizes_of
from playground.programs.call import Array, Call


def run(call: Call, theta: Array, size: Array) -> Array:
    """Coordinates (N, *spatial, axes), from -1 to 1 along each axis and the last axis first, under each map.

    Args:
        call: ``align_corners``: -1 and 1 are the middles of the outermost places, not their edges.
        theta: (N, axes, axes + 1): a matrix and a shift.
        size: of the image: N, channels, *spatial.
    """
    axes = theta.shape[1] if theta.ndim == 3 else 0
    if axes not in (2, 3) or theta.shape[2] != axes + 1:
        raise InvalidInputError(
            f"a value of shape {list(theta.shape)} holds no affine maps", hint="Give shape [N, 2, 3] or [N, 3, 4]"
        )
    spatial = sizes_of(size, axes + 2)[2:]
    kind = np.result_type(theta, np.float32)
    call.room.value((len(theta), *spatial, axes + 1), kind)
    ranges = []
    for n in spatial:
        edge = 1 if call.get("align_corners") else (n - 1) / max(n, 1)
        ranges.append(np.linspace(-edge, edge, n, dtype=kind))
    places = np.stack([*np.meshgrid(*ranges, indexing="ij")[::-1], np.ones(spatial, kind)], -1)
    made = places.reshape(1, -1, axes + 1) @ np.swapaxes(theta.astype(kind), 1, 2)
    return np.asarray(made.reshape(len(theta), *spatial, axes), theta.dtype)


OPERATOR = Operator(
    name="AffineGrid",
    run=run,
    since=(20,),
    attributes=(flag("align_corners"),),
    data=(0,),
    ranks=(3, 3),
    takes=(Takes.PARAMETER, Takes.SIZES),
)
