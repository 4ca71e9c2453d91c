"""CausalConvWithState: each channel under a window over its past, of which the last values are handed on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from playground.errors import InvalidInputError
from playground.operators import conv
from playground.operators._attributes import Attribute, text
from playground.operators._elementwise import wide
from playground.operators._operator import Operator, Takes
from playground.operators._places import require_shape
from playground.programs.call import Array, Call


def run(
    call: Call, x: Array, w: Array, bias: Array | None = None, past: Array | None = None
) -> Array | tuple[Array, Array]:
    """The convolution, and the values that the next step's windows see before its own.

    Args:
        call: ``activation``: silu (or swish) multiplies every result by its sigmoid.
        x: (batch, channels, length).
        w: (channels, 1, taps).
        bias: (channels,).
        past: (batch, channels, taps - 1); 0 if there is none.
    """
    if x.ndim != 3 or w.ndim != 3 or w.shape[:2] != (x.shape[1], 1) or not w.shape[2]:
        raise InvalidInputError(
            f"weights of shape {list(w.shape)} do not fit values of shape {list(x.shape)}",
            hint="Give values (batch, channels, length) and weights (channels, 1, taps)",
        )
    before = (*x.shape[:2], w.shape[2] - 1)
    call.room.value((*before[:2], before[2] + x.shape[2]), x.dtype)
    if past is None:
        past = np.zeros(before, x.dtype)
    require_shape(past, before, "a past state")
    if bias is not None:
        require_shape(bias, w.shape[:1], "a bias")
    padded = np.concatenate((past, x), axis=2)
    y = conv.run(replace(call, attributes={"group": x.shape[1]}), padded, w, bias)
    if text(call.get("activation")) != "none":
        values = wide(y)
        y = np.asarray(values / (1 + np.exp(-values)), y.dtype)
    return (y, padded[:, :, padded.shape[2] - before[2] :]) if call.outputs > 1 else y


OPERATOR = Operator(
    name="CausalConvWithState",
    run=run,
    since=(27,),
    ranks=(3, 3),
    takes=(Takes.VALUES, Takes.VALUES, Takes.PARAMETER, Takes.VALUES),
    attributes=(Attribute("activation", "string", "none", choices=("none", "silu", "swish")),),
)
