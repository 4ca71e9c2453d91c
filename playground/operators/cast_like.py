"""CastLike: values of another input's element type."""

from __future__ import annotations

from playground.errors import UnsupportedError
from playground.model.element_types import BY_NAME
from playground.operators._attributes import Attribute, flag
from playground.operators._operator import Operator, Trait
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def run(call: Call, x: Array, like: Array) -> Array:
    """X as the second input's type. Raises UnsupportedError if the file states a type that NumPy has not."""
    element = BY_NAME.get(call.stored[1]) if len(call.stored) > 1 else None
    if element is not None and not element.stored:
        raise UnsupportedError(f"CastLike to {element.name} is not supported", hint="Use engine='onnxruntime'")
    return x.astype(like.dtype)


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
