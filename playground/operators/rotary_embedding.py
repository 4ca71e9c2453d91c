"""RotaryEmbedding: pairs of values turned by angles that grow with their place in a sequence."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute, flag
from playground.operators._operator import Operator, Takes
from playground.programs.call import Array, Call


def run(call: Call, x: Array, cosines: Array, sines: Array, places: Array | None = None) -> Array:
    """X with the first ``rotary_embedding_dim`` values of every head turned in pairs.

    Args:
        call: has the attributes.
        x: (batch, heads, length, head) or (batch, length, heads * head).
        cosines: (places, rotary / 2) if ``places`` is given, else (batch, length, rotary / 2).
        sines: likewise.
        places: (batch, length), where each value is in its sequence.

    Raises:
        InvalidInputError: the shapes do not fit each other, or a place is outside of the cosines.
    """
    heads = _heads(call, x)
    turned = int(call.get("rotary_embedding_dim")) or heads.shape[-1]
    if turned > heads.shape[-1] or turned % 2:
        raise InvalidInputError(
            f"{turned} is not a valid rotary_embedding_dim for heads of {heads.shape[-1]} values",
            hint="Use an even number up to the size of a head",
        )
    cos, sin = (_at_places(call, table, places, (*heads.shape[:2], turned // 2)) for table in (cosines, sines))
    interleaved = bool(call.get("interleaved"))
    first, second = slice(0, turned, 2), slice(1, turned, 2)
    if not interleaved:
        first, second = slice(0, turned // 2), slice(turned // 2, turned)
    made = heads.copy()
    made[..., first] = cos * heads[..., first] - sin * heads[..., second]
    made[..., second] = sin * heads[..., first] + cos * heads[..., second]
    return made.reshape(x.shape) if x.ndim == 3 else made.transpose(0, 2, 1, 3)


def _heads(call: Call, x: Array) -> Array:
    """X as (batch, length, heads, head)."""
    if x.ndim == 4:
        return x.transpose(0, 2, 1, 3)
    count = int(call.get("num_heads"))
    if x.ndim != 3 or count < 1 or x.shape[2] % count:
        raise InvalidInputError(
            f"values of shape {list(x.shape)} do not have {count} heads",
            hint="Give 4 axes, or 3 of which the last is a multiple of num_heads",
        )
    return x.reshape(*x.shape[:2], count, x.shape[2] // count)


def _at_places(call: Call, table: Array, places: Array | None, shape: tuple[int, ...]) -> Array:
    """Cosines or sines of every place of every sequence: (batch, length, 1, pairs)."""
    if places is not None:
        if table.ndim != 2 or places.shape != shape[:2] or table.shape[1] != shape[2]:
            raise _unfit(table, shape)
        if places.size and not 0 <= places.min() <= places.max() < len(table):
            raise InvalidInputError(
                f"places from {places.min()} to {places.max()} are outside of {len(table)} rows",
                hint=f"Use places from 0 to {len(table) - 1}",
            )
        call.room.value(shape, table.dtype)
        table = table[places]
    if table.shape != shape:
        raise _unfit(table, shape)
    return np.expand_dims(table, 2)


def _unfit(table: Array, shape: tuple[int, ...]) -> InvalidInputError:
    return InvalidInputError(
        f"cosines or sines of shape {list(table.shape)} do not fit", hint=f"Give one for each of {list(shape)}"
    )


OPERATOR = Operator(
    name="RotaryEmbedding",
    versions=(23, None),
    run=run,
    attributes=(
        flag("interleaved"),
        Attribute("num_heads", "int", 0, low=0),
        Attribute("rotary_embedding_dim", "int", 0, low=0),
    ),
    data=(0,),
    takes=(Takes.VALUES, Takes.PARAMETER, Takes.PARAMETER, Takes.INDICES),
    ranks=(3, 4),
)
