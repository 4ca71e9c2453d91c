"""MaxUnpool: values back at the places where MaxPool found them."""

from __future__ import annotations

import math

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import MOST, Attribute
from playground.operators._operator import Operator, Takes
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def run(call: Call, x: Array, indices: Array, sizes: Array | None = None) -> Array:
    """Zeros with the values of x at ``indices``, which count the places of the images that were pooled.

    Args:
        call: has the window.
        x: (N, C, ...).
        indices: as x, int64.
        sizes: of the output, if the window does not say them; the images that were pooled are its first corner.

    Raises:
        InvalidInputError: the shapes do not fit each other, or an index is outside of the images.
    """
    pooled = _pooled_from(call, x)
    wanted = pooled if sizes is None else [int(n) for n in sizes.reshape(-1)]
    if indices.shape != x.shape or len(wanted) != x.ndim or any(w < n for w, n in zip(wanted, pooled, strict=True)):
        raise InvalidInputError(
            f"indices of shape {list(indices.shape)} and an output {wanted} do not fit values of shape {list(x.shape)}",
            hint=f"Give an index for each value, and an output of at least {pooled}",
        )
    call.room.value(wanted, x.dtype)
    count = math.prod(pooled)
    if indices.size and not 0 <= indices.min() <= indices.max() < count:
        raise InvalidInputError(
            f"indices from {indices.min()} to {indices.max()} are outside of {count} places",
            hint=f"Use indices from 0 to {count - 1}",
        )
    made = np.zeros(count, x.dtype)
    made[indices.reshape(-1)] = x.reshape(-1)
    whole = np.zeros(wanted, x.dtype)
    whole[tuple(slice(n) for n in pooled)] = made.reshape(pooled)
    return whole


def _pooled_from(call: Call, x: Array) -> list[int]:
    """The shape of the images that were pooled."""
    kernel, rank = [int(n) for n in call.get("kernel_shape")], x.ndim - 2
    strides = [int(n) for n in call.get("strides") or [1] * rank]
    pads = [int(n) for n in call.get("pads") or [0] * (2 * rank)]
    if rank < 1 or (len(kernel), len(strides), len(pads)) != (rank, rank, 2 * rank):
        raise InvalidInputError(f"the window does not fit values of shape {list(x.shape)}", hint="Give it as many axes")
    sizes = [
        (n - 1) * step - before - after + size
        for n, step, before, after, size in zip(x.shape[2:], strides, pads, pads[rank:], kernel, strict=False)
    ]
    if min(sizes) < 0:
        raise InvalidInputError(f"images of {sizes} cannot be made", hint="Use less padding")
    return [*x.shape[:2], *sizes]


OPERATOR = Operator(
    name="MaxUnpool",
    versions=(9, None),
    run=run,
    attributes=(
        Attribute("kernel_shape", "ints", required=True, low=1, high=MOST),
        Attribute("pads", "ints", low=0, high=MOST),
        Attribute("strides", "ints", low=1, high=MOST),
    ),
    data=(0,),
    takes=(Takes.VALUES, Takes.INDICES, Takes.SIZES),
    ranks=(3, 5),
    rank=as_input,
)
