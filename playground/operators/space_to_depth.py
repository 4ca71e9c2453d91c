"""SpaceToDepth: squares of pixels become channels."""

from __future__ import annotations

from collections.abc import Sequence

from playground.errors import InvalidInputError
from playground.model.graph import Node
from playground.operators._attributes import MOST, Attribute, text, where_of
from playground.operators._moves import Blocks, rearranged
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators._ranks import always
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array) -> Array:
    """Images (N, C, H, W) as (N, C * size * size, H / size, W / size).

    The place in the square comes before C, or after it in mode CRD.
    """
    return blocks_of(x.shape, call.get("blocksize"), text(call.get("mode"))).of(x)


def blocks_of(shape: Sequence[int], size: int, mode: str, where: str = "") -> Blocks:
    """How the places of images move. Raises InvalidInputError if they do not consist of whole squares."""
    if len(shape) != 4 or shape[2] % size or shape[3] % size:
        raise InvalidInputError(
            f"values of shape {list(shape)} do not consist of squares of {size}",
            where=where,
            hint="Give images (N, C, H, W) whose height and width are multiples of it",
        )
    n, channels, height, width = shape
    order = (0, 1, 3, 5, 2, 4) if mode == "CRD" else (0, 3, 5, 1, 2, 4)
    made = (n, channels * size * size, height // size, width // size)
    return Blocks((n, channels, height // size, size, width // size, size), order, made)


def plan(planner: Planner, node: Node) -> Symbol:
    """SpaceToDepth: codes at other places."""
    size, mode = node.attributes["blocksize"], text(node.attributes["mode"])
    return rearranged(planner, node, blocks_of(planner.shape(node.inputs[0]), size, mode, where_of(node)))


OPERATOR = Operator(
    name="SpaceToDepth",
    run=run,
    attributes=(
        Attribute("blocksize", "int", required=True, low=1, high=MOST),
        Attribute("mode", "string", "DCR", choices=("DCR", "CRD"), since=28),
    ),
    ranks=(4, 4),
    scales=Scales.PASSES,
    traits=Trait.MOVES,
    forms=Form.FURTHER,
    rank=always(4),
    plan=plan,
)
