"""DepthToSpace: channels that become blocks of the image."""

from __future__ import annotations

from collections.abc import Sequence

from playground.errors import InvalidInputError
from playground.model.graph import Node
from playground.operators._attributes import Attribute, text, where_of
from playground.operators._moves import Blocks, rearranged
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array) -> Array:
    """Images (N, C, H, W) as (N, C / b^2, H * b, W * b): in mode DCR blocks come first among channels, in CRD last."""
    return blocks_of(x.shape, call.get("blocksize"), text(call.get("mode"))).of(x)


def blocks_of(shape: Sequence[int], size: int, mode: str, where: str = "") -> Blocks:
    """How the places of images move. Raises InvalidInputError if their channels do not make up whole blocks."""
    if len(shape) != 4 or shape[1] % (size * size):
        raise InvalidInputError(
            f"values of shape {list(shape)} cannot be arranged in blocks of {size} x {size}",
            where=where,
            hint="Give images whose number of channels is a multiple of the block's places",
        )
    n, channels, height, width = shape
    kept = channels // (size * size)
    made = (n, kept, height * size, width * size)
    if mode == "DCR":
        return Blocks((n, size, size, kept, height, width), (0, 3, 4, 1, 5, 2), made)
    return Blocks((n, kept, size, size, height, width), (0, 1, 4, 2, 5, 3), made)


def plan(planner: Planner, node: Node) -> Symbol:
    """DepthToSpace: codes at other places."""
    size, mode = node.attributes["blocksize"], text(node.attributes["mode"])
    return rearranged(planner, node, blocks_of(planner.shape(node.inputs[0]), size, mode, where_of(node)))


OPERATOR = Operator(
    name="DepthToSpace",
    run=run,
    ranks=(4, 4),
    attributes=(
        Attribute("blocksize", "int", required=True, low=1),
        Attribute("mode", "string", "DCR", choices=("DCR", "CRD")),
    ),
    scales=Scales.PASSES,
    traits=Trait.MOVES,
    forms=Form.FURTHER,
    rank=as_input,
    plan=plan,
)
