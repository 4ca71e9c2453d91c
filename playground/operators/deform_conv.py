"""DeformConv: a convolution whose taps are moved by offsets."""

from __future__ import annotations

import math

import numpy as np

from playground.errors import InvalidInputError
from playground.operators import _sampling as sampling
from playground.operators._attributes import WINDOW, Attribute
from playground.operators._operator import Operator, Takes
from playground.operators._places import require_shape
from playground.programs.call import Array, Call
from playground.programs.room import STEP
from playground.programs.windows import Windows, windows


def run(  # noqa: PLR0917  # the inputs of the operator
    call: Call, x: Array, w: Array, offset: Array, bias: Array | None = None, mask: Array | None = None
) -> Array:
    """Convolution of images, each tap at a place between theirs.

    Args:
        call: ``group``, ``offset_group``, ``strides``, ``dilations``, ``pads``.
        x: (batch, channels, height, width).
        w: (filters, channels / group, *kernel).
        offset: (batch, offset_group * taps * 2, *out): by how many lines and columns each tap is moved.
        bias: (filters,).
        mask: (batch, offset_group * taps, *out): by how much each tap counts.
    """
    group, moved = call.get("group"), call.get("offset_group")
    if x.ndim != 4 or w.ndim != 4 or x.shape[1] != w.shape[1] * group or w.shape[0] % group or x.shape[1] % moved:
        raise InvalidInputError(
            f"weights {list(w.shape)} in {group} and {moved} groups do not fit values {list(x.shape)}",
            hint="Give images of weights.shape[1] * group channels",
        )
    if 0 in x.shape[2:]:
        raise InvalidInputError(f"images of shape {list(x.shape)} have no values", hint="Give larger images")
    geometry = windows(call, x.shape[2:], w.shape[2:])
    taps = math.prod(geometry.kernel)
    require_shape(offset, (x.shape[0], moved * taps * 2, *geometry.out), "an offset")
    if mask is not None:
        require_shape(mask, (x.shape[0], moved * taps, *geometry.out), "a mask")
    if bias is not None:
        require_shape(bias, w.shape[:1], "a bias")
    geometry.require_room(call, x, w.shape[0], w.shape[1])
    call.room.work(4 * (x.size + STEP * moved) * taps)
    call.room.value((*x.shape[:2], taps, *geometry.out), np.result_type(x, np.float32))
    columns = _columns(x, offset, geometry, moved)
    if mask is not None:
        columns *= mask.reshape(x.shape[0], moved, 1, taps, *geometry.out)
    columns = columns.reshape(x.shape[0], group, -1, math.prod(geometry.out))
    y = np.matmul(w.reshape(group, w.shape[0] // group, -1), columns).reshape(x.shape[0], w.shape[0], *geometry.out)
    return np.asarray(y if bias is None else y + bias.reshape(-1, 1, 1), x.dtype)


def _columns(x: Array, offset: Array, geometry: Windows, moved: int) -> Array:
    """What each tap sees: (batch, groups of channels moved alike, channels, taps, *out)."""
    batch, channels = x.shape[:2]
    kind, taps = np.result_type(x, np.float32), math.prod(geometry.kernel)
    by = offset.reshape(batch, moved, taps, 2, *geometry.out).astype(kind)
    made = np.empty((batch, moved, channels // moved, taps, *geometry.out), kind)
    parts = x.reshape(batch, moved, channels // moved, *x.shape[2:])
    for tap, position in enumerate(np.ndindex(*geometry.kernel)):
        starts = [
            np.arange(n) * step - begin + place * dilation
            for n, step, begin, place, dilation in zip(
                geometry.out, geometry.strides, geometry.begins, position, geometry.dilations, strict=True
            )
        ]
        for part in range(moved):
            lines, columns = by[:, part, tap, 0] + starts[0][:, None], by[:, part, tap, 1] + starts[1]
            at = [sampling.linear(lines.astype(kind)), sampling.linear(columns.astype(kind))]
            made[:, part, :, tap] = sampling.sample(parts[:, part], at, sampling.zeros)
    return made


OPERATOR = Operator(
    name="DeformConv",
    run=run,
    since=(19,),
    ranks=(4, 4),
    attributes=(
        Attribute("group", "int", 1, low=1),
        Attribute("offset_group", "int", 1, low=1),
        *(attribute for attribute in WINDOW if attribute.name != "auto_pad"),
    ),
    data=(0, 1),
    takes=(Takes.VALUES, Takes.VALUES, Takes.PARAMETER),
)
