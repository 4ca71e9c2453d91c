"""Cast: values of another element type."""

from __future__ import annotations

from collections.abc import Sequence

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._attributes import Attribute, flag
from playground.operators._casts import ROUND_MODE, cast, small_float
from playground.operators._operator import Operator, Trait
from playground.operators._planning import fold
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call
from playground.programs.planner import Dynamic, Planner, Symbol


def run(call: Call, x: Array) -> Array:
    """Another element type: see :func:`playground.operators._casts.cast`."""
    return cast(x, call.stored[0] if call.stored else "", call.get("to"), call)


def _small(node: Node, _types: Sequence[str]) -> str:
    return small_float(node.attributes.get("to", 0))


_FLOAT32 = 1  # ONNX's number for it


def plan(planner: Planner, node: Node) -> Symbol:
    """Constants, or the sums of dynamically quantized values: they stay what they are until their scale is known."""
    symbol = planner.symbol(node.inputs[0])
    if isinstance(symbol, Dynamic) and symbol.part == "sums" and node.attributes.get("to") == _FLOAT32:
        return symbol
    if name := small_float(node.attributes.get("to", 0)):
        raise UnsupportedError(f"a cast to {name} has no integer form")
    return fold(planner, node)


OPERATOR = Operator(
    name="Cast",
    run=run,
    attributes=(Attribute("to", "int", required=True), flag("saturate", True, since=19), ROUND_MODE),
    small_float=_small,
    traits=Trait.TAKES_DYNAMIC | Trait.STORED_TYPES,
    rank=as_input,
    plan=plan,
)
