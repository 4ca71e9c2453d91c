"""QuantizeLinear: float values to codes, by the ONNX specification."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.errors import UnsupportedError
from playground.model.element_types import BY_NAME, BY_ONNX
from playground.model.graph import Node
from playground.number_formats import FORMATS
from playground.operators._attributes import Attribute, flag
from playground.operators._casts import small_float
from playground.operators._floats import float_input
from playground.operators._operator import Operator, Scales, Trait
from playground.operators._quantization import ATTRIBUTES, FLOATS, along, by_channel, of_channels, one_scale
from playground.operators._ranks import as_input
from playground.programs import integer_ops as ops
from playground.programs.call import Array, Call
from playground.programs.float_steps import Binary
from playground.programs.planner import Codes, Constant, ConstantDequantized, Dequantized, Planner, Symbol
from playground.programs.steps import Quantize
from playground.rounding import ROUNDINGS

_STATED_DTYPES = {0: "uint8", 2: "uint8", 3: "int8"}  # output_dtype; 0 is "not stated"


def run(call: Call, x: Array, scale: Array, zero_point: Array | None = None) -> Array:
    """Saturate(round half to even(x / scale) + zero_point).

    The type is the zero-point's, or ``output_dtype``, or uint8. Codes of less than 8 bits come one a byte, and so do
    the codes of small floats, which have no zero-point: each is the float nearest to x / scale, by its bits.
    """
    element = BY_ONNX[call.get("output_dtype") or BY_NAME["uint8"].onnx]
    if zero_point is not None:
        stored = call.stored[2] if len(call.stored) > 2 else ""
        element = BY_NAME[stored or zero_point.dtype.name]
    if element.name in FLOATS:
        scaled = np.array(x / along(call, scale, x), np.float32)
        return FORMATS[FLOATS[element.name]].encode(scaled, ROUNDINGS["half_even"], saturate=bool(call.get("saturate")))
    signed = element.name.startswith("i")
    low, high = (-(2 ** (element.bits - 1)), 2 ** (element.bits - 1) - 1) if signed else (0, 2**element.bits - 1)
    codes = np.rint(x / along(call, scale, x))
    if zero_point is not None:
        codes += along(call, zero_point, x)
    kept = f"{'' if signed else 'u'}int{max(8, element.bits)}"
    return np.clip(codes, low, high).astype(kept)


def _small(node: Node, types: Sequence[str]) -> str:
    """The zero-point's type, or the one that is stated."""
    if len(types) > 2 and node.inputs[2]:
        return types[2] if types[2] in FLOATS else ""
    stated = small_float(node.attributes.get("output_dtype"))
    return stated if stated in FLOATS else ""


def plan(planner: Planner, node: Node) -> Symbol:
    """QuantizeLinear: here a pending result gets its scale and becomes a step."""
    symbol, output = planner.symbol(node.inputs[0]), node.outputs[0]
    stated = node.attributes["output_dtype"]
    if stated not in _STATED_DTYPES:
        raise UnsupportedError("only int8 and uint8 codes are supported")
    if planner.floats and by_channel(planner, node):
        return _channels(planner, node, _STATED_DTYPES[stated])
    scale, zero_point, dtype = one_scale(planner, node, _STATED_DTYPES[stated])
    if isinstance(symbol, (Constant, ConstantDequantized)):
        return Constant(ops.quantize(planner.known(node.inputs[0], "input"), scale, zero_point, dtype))
    if isinstance(symbol, Codes):
        if planner.values[symbol.value].dtype != "float32":
            raise UnsupportedError("the input is not float32")
        step = Quantize((symbol.value,), output, scale, zero_point)
        planner.emit(step, planner.values[symbol.value].shape, dtype)
        return Codes(output)
    if isinstance(symbol, Dequantized):
        same = (symbol.scale, symbol.zero_point, planner.values[symbol.value].dtype) == (scale, zero_point, dtype)
        if same:
            return Codes(symbol.value)
    planner.emit_codes(planner.deferred(symbol), output, scale, zero_point, dtype)
    return Codes(output)


def _channels(planner: Planner, node: Node, dtype: str) -> Symbol:
    """Floats over the scale of their channel, then rounded."""
    value, output = float_input(planner, node.inputs[0]), node.outputs[0]
    shape = planner.values[value].shape
    scales, points = of_channels(planner, node, shape, dtype)
    if (points != points.reshape(-1)[0]).any():
        raise UnsupportedError("channels with zero-points of their own are not supported for computed values")
    over = planner.constant(f"{output}:scales", scales)
    planner.emit(Binary((value, over), f"{output}:steps", "div"), shape, "float32")
    point, dtype = int(points.reshape(-1)[0]), points.dtype.name
    planner.emit(Quantize((f"{output}:steps",), output, np.float32(1), point), shape, dtype)
    return Codes(output)


def _operator(domain: str) -> Operator:
    return Operator(
        name="QuantizeLinear",
        domain=domain,
        run=run,
        small_float=_small,
        attributes=(
            *ATTRIBUTES,
            Attribute("output_dtype", "int", 0, low=0, since=21),
            flag("saturate", True, since=19),
        ),
        scales=Scales.CODES,
        rank=as_input,
        since=(10,),
        traits=Trait.STORED_TYPES | Trait.QUANTIZED,
        plan=plan,
    )


OPERATORS = (_operator(""), _operator("com.microsoft"))
