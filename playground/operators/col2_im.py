"""Col2Im: blocks, a column each, added up to images."""

from __future__ import annotations

import math

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import WINDOW
from playground.operators._operator import Operator, Takes
from playground.operators._places import sizes_of
from playground.programs.call import Array, Call
from playground.programs.windows import windows


def run(call: Call, x: Array, image: Array, block: Array) -> Array:
    """Images to which every block adds its values at its place.

    Args:
        call: ``strides``, ``dilations``, ``pads`` of the blocks.
        x: (batch, channels * values of a block, blocks).
        image: spatial sizes of the result.
        block: sizes of a block.
    """
    axes = image.size
    sizes, kernel = tuple(sizes_of(image, axes)), tuple(sizes_of(block, axes))
    geometry = windows(call, sizes, kernel)
    taps = math.prod(kernel)
    if x.ndim != 3 or x.shape[1] % taps or x.shape[2] != math.prod(geometry.out):
        raise InvalidInputError(
            f"values of shape {list(x.shape)} are not {math.prod(geometry.out)} blocks of {taps} values a channel",
            hint="Give shape (batch, channels * values of a block, blocks)",
        )
    batch, channels = x.shape[0], x.shape[1] // taps
    padded = [sum(zone) for zone in zip(sizes, geometry.begins, geometry.ends, strict=True)]
    call.room.value((batch, channels, *padded), x.dtype)
    made = np.zeros((batch, channels, *padded), x.dtype)
    columns = x.reshape(batch, channels, taps, *geometry.out)
    for place, view in enumerate(geometry.taps(made)):
        np.add(view, columns[:, :, place], out=view)
    inside = (slice(begin, begin + n) for begin, n in zip(geometry.begins, sizes, strict=True))
    return np.asarray(made[(slice(None), slice(None), *inside)])


OPERATOR = Operator(
    name="Col2Im",
    run=run,
    since=(18,),
    ranks=(3, 3),
    attributes=tuple(attribute for attribute in WINDOW if attribute.name in ("dilations", "pads", "strides")),
    data=(0,),
    takes=(Takes.VALUES, Takes.SIZES, Takes.SIZES),
)
