"""Cast: values of another element type."""

from __future__ import annotations

import numpy as np

from playground.errors import UnsupportedError
from playground.model.element_types import BY_ONNX, decode, encode
from playground.model.graph import Node
from playground.operators._attributes import Attribute, flag
from playground.operators._operator import Operator, Trait
from playground.operators._planning import fold
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call
from playground.programs.planner import Dynamic, Planner, Symbol


def run(call: Call, x: Array) -> Array:
    """Another element type. Values of bfloat16 are rounded and stay float32.

    Raises:
        UnsupportedError: arrays have no such type.
    """
    element = BY_ONNX.get(call.get("to"))
    if element is not None and element.name == "bfloat16":
        return decode(element, encode(element, x.astype(np.float32)), x.shape)
    if element is None or not element.stored:
        raise UnsupportedError(
            f"Cast to {element.name if element else 'text'} is not supported", hint="Use engine='onnxruntime'"
        )
    return x.astype(element.stored)


_FLOAT32 = 1  # ONNX's number for it


def plan(planner: Planner, node: Node) -> Symbol:
    """Constants, or the sums of dynamically quantized values: they stay what they are until their scale is known."""
    symbol = planner.symbol(node.inputs[0])
    if isinstance(symbol, Dynamic) and symbol.part == "sums" and node.attributes.get("to") == _FLOAT32:
        return symbol
    return fold(planner, node)


OPERATOR = Operator(
    name="Cast",
    run=run,
    attributes=(Attribute("to", "int", required=True), flag("saturate", True, since=19)),
    traits=Trait.TAKES_DYNAMIC,
    rank=as_input,
    plan=plan,
)
