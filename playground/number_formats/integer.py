"""Integers of 2 to 8 bits, signed (two's complement) and unsigned."""

from __future__ import annotations

from playground.number_formats._format import NumberFormat

_IN_ONNX = {2: "ONNX INT2 and UINT2 (opset 25)", 4: "ONNX INT4 and UINT4 (opset 21)", 8: "ONNX INT8 and UINT8"}

FORMATS = tuple(
    NumberFormat(
        id=f"{'' if signed else 'u'}int{bits}",
        bits=bits,
        signed=signed,
        source=_IN_ONNX.get(bits, "no storage type of its own in ONNX: packed here, or kept in eight bits"),
    )
    for bits in range(8, 1, -1)
    for signed in (True, False)
)
