"""CastLike: values of another input's element type."""

from __future__ import annotations

from collections.abc import Sequence

from playground.model.element_types import BY_NAME
from playground.model.graph import Node
from playground.operators._attributes import flag
from playground.operators._casts import ROUND_MODE, cast, small_float
from playground.operators._operator import Operator, Trait
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def run(call: Call, x: Array, like: Array) -> Array:
    """X as the second input's type: see :func:`playground.operators._casts.cast`."""
    of_x, of_like = (*call.stored, "", "")[:2]
    return cast(x, of_x, BY_NAME[of_like or like.dtype.name].onnx, call)


def _small(_node: Node, types: Sequence[str]) -> str:
    return small_float(BY_NAME[types[1]].onnx) if len(types) > 1 and types[1] in BY_NAME else ""


OPERATOR = Operator(
    name="CastLike",
    run=run,
    since=(15,),
    rank=as_input,
    attributes=(flag("saturate", True, since=19), ROUND_MODE),
    small_float=_small,
    data=(0,),
    traits=Trait.STORED_TYPES,
)
