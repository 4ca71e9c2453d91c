"""Cast: values of another element type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._attributes import Attribute, flag
from playground.operators._casts import ROUND_MODE, cast, small_float
from playground.operators._dynamic_biases import as_integers
from playground.operators._operator import Operator, Trait
from playground.operators._planning import fold
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call
from playground.programs.planner import CodeFunction, Codes, Deferred, Dequantized, Dynamic, Planner, Symbol
from playground.programs.steps import Lookup


def run(call: Call, x: Array) -> Array:
    """Another element type: see :func:`playground.operators._casts.cast`."""
    return cast(x, call.stored[0] if call.stored else "", call.get("to"), call)


def _small(node: Node, _types: Sequence[str]) -> str:
    return small_float(node.attributes.get("to", 0))


_FLOAT32, _INT32 = 1, 6  # ONNX's numbers for them


def plan(planner: Planner, node: Node) -> Symbol:
    """Constants, or the sums of dynamically quantized values: they stay what they are until their scale is known."""
    symbol = planner.symbol(node.inputs[0])
    if node.attributes.get("to") == _FLOAT32:
        floats = _as_float32(planner, node, symbol)
        if floats is not None:
            return floats
    if isinstance(symbol, Dynamic) and symbol.part == "sums" and node.attributes.get("to") == _FLOAT32:
        return symbol
    if node.attributes.get("to") == _INT32 and (bias := as_integers(symbol)) is not None:
        return bias
    if name := small_float(node.attributes.get("to", 0)):
        raise UnsupportedError(f"a cast to {name} has no integer form")
    return fold(planner, node)


def _as_float32(planner: Planner, node: Node, symbol: Symbol) -> Symbol | None:
    """A value that is float32 already, or of octets, each of which means a number; None if it is neither."""
    if isinstance(symbol, (Dequantized, CodeFunction, Deferred)):
        return symbol
    if not isinstance(symbol, Codes) or symbol.value in planner.constants:
        return None
    dtype = planner.values[symbol.value].dtype
    if dtype == "float32":
        return symbol
    if dtype not in ("bool", "int8", "uint8"):
        return None
    octets = np.arange(256, dtype=np.uint8)
    table = (octets != 0 if dtype == "bool" else octets.view(dtype)).astype(np.float32)
    planner.emit(Lookup((symbol.value,), node.outputs[0], table), planner.values[symbol.value].shape, "float32")
    return Codes(node.outputs[0])


OPERATOR = Operator(
    name="Cast",
    run=run,
    attributes=(Attribute("to", "int", required=True), flag("saturate", True, since=19), ROUND_MODE),
    small_float=_small,
    traits=Trait.TAKES_DYNAMIC | Trait.STORED_TYPES,
    rank=as_input,
    plan=plan,
)
