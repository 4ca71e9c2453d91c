"""GroupNormalization: each group of channels of each sample brought to mean 0 and variance 1."""

from __future__ import annotations

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute
from playground.operators._normalized import normalized, of_channels
from playground.operators._operator import Operator, Takes
from playground.operators._places import stored_type
from playground.programs.call import Array, Call

_BFLOAT16 = 16
_FLOAT32 = 1


def run(call: Call, x: Array, scale: Array, bias: Array) -> Array:
    """Mean 0 and variance 1 over the channels of a group and the spatial axes, then scale and bias a channel."""
    groups = call.get("num_groups")
    factor, shift = of_channels(x, scale, bias)
    if x.shape[1] % groups:
        raise InvalidInputError(
            f"{x.shape[1]} channels cannot be divided into {groups} groups", hint="Use a number that divides them"
        )
    stash = call.get("stash_type")
    wide = x.astype(stored_type(_FLOAT32 if stash == _BFLOAT16 else stash, "GroupNormalization"), copy=False)
    made = normalized(wide.reshape(x.shape[0], groups, -1), (2,), call.get("epsilon")).reshape(x.shape)
    return (made.astype(x.dtype, copy=False) * factor + shift).astype(x.dtype, copy=False)


OPERATOR = Operator(
    name="GroupNormalization",
    run=run,
    versions=(21, None),
    ranks=(3, 5),
    takes=(Takes.VALUES, Takes.PARAMETER),
    attributes=(
        Attribute("epsilon", "float", 1e-5, low=0),
        Attribute("num_groups", "int", required=True, low=1),
        Attribute("stash_type", "int", 1),
    ),
    data=(0,),
)
