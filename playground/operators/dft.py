"""DFT: the discrete Fourier transform along an axis, and its inverse."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.model.graph import Node
from playground.operators._attributes import MOST, axis_of, flag, single
from playground.operators._operator import Operator, Takes
from playground.operators._spectra import complex_of, pairs_of
from playground.operators._upgrades import Older, stated, without
from playground.programs.call import Array, Call


def run(call: Call, x: Array, length: Array | None = None, axis: Array | None = None) -> Array:
    """The transform of x (..., 1 or 2) along an axis, as pairs; with ``onesided`` its first half, or real values.

    Args:
        call: has ``inverse`` and ``onesided``.
        x: real or complex values.
        length: of the transform: x is cut or filled with 0.
        axis: which, by default the last but one; never the last one, which holds real and imaginary parts.

    Raises:
        InvalidInputError: there is no such axis, or the length is not positive.
    """
    values = complex_of(x)
    along = axis_of(-2 if axis is None else int(single(axis, "axis")), x.ndim)
    if along == x.ndim - 1:
        raise InvalidInputError("the axis of real and imaginary parts cannot be transformed", hint="Use another axis")
    inverse, onesided = bool(call.get("inverse")), bool(call.get("onesided"))
    whole = 2 * (x.shape[along] - 1) if inverse and onesided else x.shape[along]
    count = whole if length is None else int(single(length, "length"))
    if not 1 <= count <= MOST:
        raise InvalidInputError(f"{count} is not a valid length of a transform", hint="Use a positive number")
    call.room.value((*x.shape[:along], count, *x.shape[along + 1 : -1], 2), np.float64)
    if inverse and onesided:
        return np.fft.irfft(values, count, along)[..., None].astype(x.dtype)
    if inverse:
        return pairs_of(np.fft.ifft(values, count, along), x.dtype)
    made = np.fft.fft(values, count, along)
    return pairs_of(np.take(made, np.arange(count // 2 + 1), along) if onesided else made, x.dtype)


def _upgrade(older: Older, node: Node) -> Node:
    """The axis was an attribute before operator set 20, and 1 by default."""
    if older.opset >= 20:
        return node
    given = stated(node, "axis", "int")
    axis = older.constant(node, "axis", np.array(1 if given is None else given, np.int64))
    length = node.inputs[1] if len(node.inputs) > 1 else ""
    return without(node, "axis", inputs=(node.inputs[0], length, axis))


OPERATOR = Operator(
    name="DFT",
    versions=(17, None),
    run=run,
    attributes=(flag("inverse"), flag("onesided")),
    data=(0,),
    takes=(Takes.VALUES, Takes.SIZES, Takes.AXES),
    ranks=(2, 6),
    since=(20,),
    upgrade=_upgrade,
)
