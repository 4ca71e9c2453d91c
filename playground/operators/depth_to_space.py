"""DepthToSpace: channels that become blocks of the image."""

from __future__ import annotations

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute, text
from playground.operators._operator import Operator
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """Images (N, C, H, W) as (N, C / b^2, H * b, W * b): in mode DCR blocks come first among channels, in CRD last."""
    size = call.get("blocksize")
    if x.ndim != 4 or x.shape[1] % (size * size):
        raise InvalidInputError(
            f"values of shape {list(x.shape)} cannot be arranged in blocks of {size} x {size}",
            hint="Give images whose number of channels is a multiple of the block's places",
        )
    n, channels, height, width = x.shape
    kept = channels // (size * size)
    if text(call.get("mode")) == "DCR":
        arranged = x.reshape(n, size, size, kept, height, width).transpose(0, 3, 4, 1, 5, 2)
    else:
        arranged = x.reshape(n, kept, size, size, height, width).transpose(0, 1, 4, 2, 5, 3)
    return arranged.reshape(n, kept, height * size, width * size)


OPERATOR = Operator(
    name="DepthToSpace",
    run=run,
    rank=as_input,
    ranks=(4, 4),
    attributes=(
        Attribute("blocksize", "int", required=True, low=1),
        Attribute("mode", "string", "DCR", choices=("DCR", "CRD")),
    ),
)
