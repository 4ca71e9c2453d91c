"""Values brought to mean 0 and variance 1 over some of their axes."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.programs.call import Array, Call


def normalized(call: Call, x: Array, axes: tuple[int, ...]) -> Array:
    """X minus its mean over its deviation, both over ``axes``; the node's ``epsilon`` is added to the variance."""
    call.room.value([n for axis, n in enumerate(x.shape) if axis not in axes], x.dtype)
    centred = x - x.mean(axis=axes, keepdims=True)
    variance = np.mean(centred * centred, axis=axes, keepdims=True)
    return np.asarray(centred / np.sqrt(variance + x.dtype.type(call.get("epsilon"))))


def of_channels(x: Array, *parameters: Array) -> list[Array]:
    """Parameters of one number a channel, so that they broadcast against x, whose channels are on axis 1.

    Raises:
        InvalidInputError: they do not have one number for each channel.
    """
    if x.ndim < 2 or any(given.shape != (x.shape[1],) for given in parameters):
        shapes = ", ".join(str(list(given.shape)) for given in parameters)
        raise InvalidInputError(
            f"parameters of shape {shapes} do not fit the channels of values {list(x.shape)}",
            hint="Give one number for each channel",
        )
    return [given.reshape(-1, *(1,) * (x.ndim - 2)) for given in parameters]
