"""SpaceToDepth: squares of pixels become channels."""

from __future__ import annotations

from playground.errors import InvalidInputError
from playground.operators._attributes import MOST, Attribute, text
from playground.operators._operator import Operator
from playground.operators._ranks import always
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """Images (N, C, H, W) as (N, C * size * size, H / size, W / size).

    The place in the square comes before C, or after it in mode CRD.
    """
    size = int(call.get("blocksize"))
    if x.ndim != 4 or x.shape[2] % size or x.shape[3] % size:
        raise InvalidInputError(
            f"values of shape {list(x.shape)} do not consist of squares of {size}",
            hint="Give images (N, C, H, W) whose height and width are multiples of it",
        )
    n, channels, height, width = x.shape
    squares = x.reshape(n, channels, height // size, size, width // size, size)
    order = (0, 1, 3, 5, 2, 4) if text(call.get("mode")) == "CRD" else (0, 3, 5, 1, 2, 4)
    return squares.transpose(order).reshape(n, channels * size * size, height // size, width // size)


OPERATOR = Operator(
    name="SpaceToDepth",
    run=run,
    attributes=(
        Attribute("blocksize", "int", required=True, low=1, high=MOST),
        Attribute("mode", "string", "DCR", choices=("DCR", "CRD"), since=28),
    ),
    ranks=(4, 4),
    rank=always(4),
)
