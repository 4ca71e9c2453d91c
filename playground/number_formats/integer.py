"""Integers of 1 to 16 bits, signed (two's complement) and unsigned."""

from __future__ import annotations

from playground.number_formats._integer import IntegerFormat

_IN_ONNX = {
    2: "ONNX INT2 and UINT2 (opset 25)",
    4: "ONNX INT4 and UINT4 (opset 21)",
    8: "ONNX INT8 and UINT8",
    16: "ONNX INT16 and UINT16 (opset 21)",
}

FORMATS = tuple(
    IntegerFormat(
        id=f"{'' if signed else 'u'}int{bits}",
        title=f"{'signed' if signed else 'unsigned'} {bits} bit",
        bits=bits,
        signed=signed,
        source=_IN_ONNX.get(bits, "no storage type of its own in ONNX: packed here, or kept in whole bytes"),
    )
    for bits in (8, 7, 6, 5, 4, 3, 2, 1, *range(9, 17))
    for signed in (True, False)
)
