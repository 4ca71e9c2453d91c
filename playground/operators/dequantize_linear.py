"""DequantizeLinear: what codes stand for, by the ONNX specification."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.number_formats import FORMATS
from playground.operators._attributes import Attribute, axis_of
from playground.operators._floats import combined
from playground.operators._operator import Operator, Scales, Trait
from playground.operators._quantization import ATTRIBUTES, FLOATS, along, by_channel, of_channels, one_scale
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call
from playground.programs.float_steps import Binary
from playground.programs.planner import Codes, Constant, ConstantDequantized, Dequantized, Planner, Symbol
from playground.programs.steps import Lookup


def run(call: Call, codes: Array, scale: Array, zero_point: Array | None = None) -> Array:
    """(code - zero_point) * scale, in the scale's type."""
    call.room.value(codes.shape, scale.dtype)
    stored = call.stored[0] if call.stored else ""
    if len(call.stored) > 2 and call.stored[2]:
        stored = call.stored[2]
    if stored in FLOATS:  # their zero-point can only be zero
        return FORMATS[FLOATS[stored]].decode(codes).astype(scale.dtype) * along(call, scale, codes)
    wide = codes.astype(np.int32)
    if zero_point is not None:
        wide = wide - along(call, zero_point, codes).astype(np.int32)
    return wide.astype(scale.dtype) * along(call, scale, codes)


def plan(planner: Planner, node: Node) -> Symbol:
    """DequantizeLinear: nothing is computed, the codes get their meaning."""
    symbol = planner.symbol(node.inputs[0])
    if isinstance(symbol, Codes) and planner.floats and by_channel(planner, node):
        return _channels(planner, node, symbol)
    if isinstance(symbol, Codes):
        scale, zero_point, dtype = one_scale(planner, node, planner.values[symbol.value].dtype)
        if planner.values[symbol.value].dtype != dtype:
            raise UnsupportedError(f"the zero-point is {dtype}, and the input is not")
        return Dequantized(symbol.value, scale, zero_point)
    if not isinstance(symbol, Constant) or symbol.array.dtype.kind not in "iu":
        raise UnsupportedError("the input is not codes")
    scales = planner.known(node.inputs[1], "scale").astype(np.float32)
    if node.attributes["block_size"]:
        raise UnsupportedError("scales per block are not supported")
    has_points = len(node.inputs) > 2 and node.inputs[2]
    points = planner.known(node.inputs[2], "zero-point") if has_points else np.zeros_like(scales, np.int32)
    rank = symbol.array.ndim
    axis = axis_of(node.attributes["axis"], rank) if scales.size > 1 and rank else None
    return ConstantDequantized(
        symbol.array, _aligned(scales, rank, axis), _aligned(points.astype(np.int32), rank, axis), axis
    )


def _channels(planner: Planner, node: Node, codes: Codes) -> Symbol:
    """Codes as floats, less the zero-point of their channel, times its scale."""
    shape, dtype = planner.values[codes.value].shape, planner.values[codes.value].dtype
    scales, points = of_channels(planner, node, shape, dtype)
    if points.dtype != dtype:
        raise UnsupportedError(f"the zero-point is {points.dtype}, and the input is not")
    output = node.outputs[0]
    table = np.arange(256, dtype=np.uint8).view(dtype).astype(np.float32)
    planner.emit(Lookup((codes.value,), f"{output}:codes", table), shape, "float32")
    less = planner.constant(f"{output}:points", points.astype(np.float32))
    planner.emit(Binary((f"{output}:codes", less), f"{output}:offsets", "sub"), shape, "float32")
    return combined(planner, "mul", (f"{output}:offsets", planner.constant(f"{output}:scales", scales)))


def _aligned(array: NDArray[Any], rank: int, axis: int | None) -> NDArray[Any]:
    if axis is None or rank == 0:
        return array.reshape(())
    return array.reshape([-1 if i == axis else 1 for i in range(rank)])


def _operator(domain: str) -> Operator:
    return Operator(
        name="DequantizeLinear",
        domain=domain,
        run=run,
        attributes=(*ATTRIBUTES, Attribute("output_dtype", "int", 0, low=0, since=23)),
        scales=Scales.CODES,
        rank=as_input,
        since=(10,),
        traits=Trait.STORED_TYPES,
        plan=plan,
    )


OPERATORS = (_operator(""), _operator("com.microsoft"))
