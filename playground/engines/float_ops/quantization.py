"""QuantizeLinear and DequantizeLinear, by the ONNX specification."""

from __future__ import annotations

import numpy as np

from playground.engines.float_ops._op import Array, Call, FloatOp
from playground.errors import InvalidInputError
from playground.model.element_types import BY_NAME, BY_ONNX
from playground.number_formats import FORMATS
from playground.rounding import ROUNDINGS

_FLOATS = {
    "float8_e4m3fn": "fp8_e4m3",
    "float8_e4m3fnuz": "fp8_e4m3fnuz",
    "float8_e5m2": "fp8_e5m2",
    "float8_e5m2fnuz": "fp8_e5m2fnuz",
    "float4_e2m1fn": "fp4_e2m1",
}
"""ONNX's name of a small float -> the id of the number format."""


def quantize_linear(call: Call, x: Array, scale: Array, zero_point: Array | None = None) -> Array:
    """Saturate(round half to even(x / scale) + zero_point).

    The type is the zero-point's, or ``output_dtype``, or uint8. Codes of less than 8 bits come one a byte, and so do
    the codes of small floats, which have no zero-point: each is the float nearest to x / scale, by its bits.
    """
    element = BY_ONNX[call.get("output_dtype", 0) or BY_NAME["uint8"].onnx]
    if zero_point is not None:
        stored = call.stored[2] if len(call.stored) > 2 else ""
        element = BY_NAME[stored or zero_point.dtype.name]
    if element.name in _FLOATS:
        scaled = np.array(x / _along(call, scale, x), np.float32)
        return FORMATS[_FLOATS[element.name]].encode(
            scaled, ROUNDINGS["half_even"], saturate=bool(call.get("saturate", 1))
        )
    signed = element.name.startswith("i")
    low, high = (-(2 ** (element.bits - 1)), 2 ** (element.bits - 1) - 1) if signed else (0, 2**element.bits - 1)
    codes = np.rint(x / _along(call, scale, x))
    if zero_point is not None:
        codes += _along(call, zero_point, x)
    kept = f"{'' if signed else 'u'}int{max(8, element.bits)}"
    return np.clip(codes, low, high).astype(kept)


def dequantize_linear(call: Call, codes: Array, scale: Array, zero_point: Array | None = None) -> Array:
    """(code - zero_point) * scale, in the scale's type."""
    stored = call.stored[0] if call.stored else ""
    if len(call.stored) > 2 and call.stored[2]:
        stored = call.stored[2]
    if stored in _FLOATS:  # their zero-point can only be zero
        return FORMATS[_FLOATS[stored]].decode(codes).astype(scale.dtype) * _along(call, scale, codes)
    wide = codes.astype(np.int32)
    if zero_point is not None:
        wide = wide - _along(call, zero_point, codes).astype(np.int32)
    return wide.astype(scale.dtype) * _along(call, scale, codes)


def _along(call: Call, parameter: Array, x: Array) -> Array:
    """A scale or zero-point (for the tensor, a channel or a block) in a shape that broadcasts with x."""
    axis, block = call.get("axis", 1), call.get("block_size", 0)
    if block:
        return np.repeat(parameter, block, axis)[tuple(slice(n) for n in x.shape)]
    if parameter.size == 1:
        return parameter.reshape(())
    if parameter.ndim != 1 or not -x.ndim <= axis < x.ndim or parameter.size != x.shape[axis]:
        raise InvalidInputError(f"scales {list(parameter.shape)} on axis {axis} do not fit values {list(x.shape)}")
    shape = [1] * x.ndim
    shape[axis] = -1
    return parameter.reshape(shape)


OPS = tuple(
    FloatOp(f"{domain}{name}", run)
    for domain in ("", "com.microsoft.")
    for name, run in (("QuantizeLinear", quantize_linear), ("DequantizeLinear", dequantize_linear))
)
