"""CastLike: values of another input's element type."""

from __future__ import annotations

from playground.model.element_types import BY_NAME
from playground.operators._attributes import Attribute, flag
from playground.operators._casts import cast
from playground.operators._operator import Operator, Trait
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def run(call: Call, x: Array, like: Array) -> Array:
    """X as the second input's type: see :func:`playground.operators._casts.cast`."""
    of_x, of_like = (*call.stored, "", "")[:2]
    return cast(x, of_x, BY_NAME[of_like or like.dtype.name].onnx, "CastLike")


OPERATOR = Operator(
    name="CastLike",
    run=run,
    since=(15,),
    rank=as_input,
    attributes=(
        flag("saturate", True, since=19),
        Attribute("round_mode", "string", "up", choices=("up", "down", "nearest"), since=25),
    ),
    data=(0,),
    traits=Trait.STORED_TYPES,
)
