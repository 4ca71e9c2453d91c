"""Element types of tensors in files: their names here, their width, and how their stored bytes become arrays.

Names are NumPy's where NumPy has the type, else those of ml_dtypes and ONNX. Types below 8 bits are packed, first value
in the low bits (as ONNX packs them), and come as int8 or uint8 arrays; bfloat16 comes as float32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.number_formats import FORMATS, integer


@dataclass(frozen=True, slots=True)
class ElementType:
    """One element type.

    Attributes:
        name: its name, as in ``Tensor.dtype``.
        bits: width of one stored element.
        onnx: its number in ONNX's ``TensorProto.DataType``.
        stored: NumPy's type of the stored bytes (little-endian) if NumPy has the type, else empty.
    """

    name: str
    bits: int
    onnx: int
    stored: str = ""

    def nbytes(self, count: int) -> int:
        """Bytes that ``count`` elements take, packed."""
        return (count * self.bits + 7) // 8


_ALL = (
    ElementType("float32", 32, 1, "<f4"),
    ElementType("uint8", 8, 2, "|u1"),
    ElementType("int8", 8, 3, "|i1"),
    ElementType("uint16", 16, 4, "<u2"),
    ElementType("int16", 16, 5, "<i2"),
    ElementType("int32", 32, 6, "<i4"),
    ElementType("int64", 64, 7, "<i8"),
    ElementType("bool", 8, 9, "|b1"),
    ElementType("float16", 16, 10, "<f2"),
    ElementType("float64", 64, 11, "<f8"),
    ElementType("uint32", 32, 12, "<u4"),
    ElementType("uint64", 64, 13, "<u8"),
    ElementType("complex64", 64, 14, "<c8"),
    ElementType("complex128", 128, 15, "<c16"),
    ElementType("bfloat16", 16, 16),
    ElementType("float8_e4m3fn", 8, 17),
    ElementType("float8_e4m3fnuz", 8, 18),
    ElementType("float8_e5m2", 8, 19),
    ElementType("float8_e5m2fnuz", 8, 20),
    ElementType("uint4", 4, 21),
    ElementType("int4", 4, 22),
    ElementType("float4_e2m1fn", 4, 23),
    ElementType("float8_e8m0fnu", 8, 24),
    ElementType("uint2", 2, 25),
    ElementType("int2", 2, 26),
    ElementType("float6_e2m3fn", 6, 27),
    ElementType("float6_e3m2fn", 6, 28),
)
BY_NAME = {element.name: element for element in _ALL}
_PACKED = {packed.id: packed for packed in integer.FORMATS if packed.bits < 8}
BY_ONNX = {element.onnx: element for element in _ALL}
_SMALL_FLOATS = {
    **{"float8_e4m3fn": "fp8_e4m3", "float8_e5m2": "fp8_e5m2", "float8_e8m0fnu": "e8m0"},
    **{"float8_e4m3fnuz": "fp8_e4m3fnuz", "float8_e5m2fnuz": "fp8_e5m2fnuz"},
    **{"float6_e2m3fn": "fp6_e2m3", "float6_e3m2fn": "fp6_e3m2", "float4_e2m1fn": "fp4_e2m1"},
}
"""Floats of 8 bits or less -> the number format that they are."""


def decode(element: ElementType, data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """The array of ``shape`` that ``data`` holds (read-only where nothing had to be converted).

    Args:
        element: what one element is.
        data: exactly ``element.nbytes(prod(shape))`` bytes.
        shape: sizes of the axes.

    Raises:
        UnsupportedError: the type has no values here yet (8-, 6- and 4-bit floats).
    """
    if element.stored:
        return np.frombuffer(data, element.stored).reshape(shape)
    if element.name == "bfloat16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if element.name in _PACKED:
        return _PACKED[element.name].unpack(np.frombuffer(data, np.uint8), math.prod(shape)).reshape(shape)
    raise UnsupportedError(
        f"values of type {element.name} cannot be read", where="tensor", hint="Convert them to float32 or int8"
    )


def real_values(element: ElementType, data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """As :func:`decode`, and floats of 8 bits or less come as the float32 numbers that they stand for.

    For files without a graph: operators read the codes of such floats.
    """
    if element.name not in _SMALL_FLOATS:
        return decode(element, data, shape)
    form = FORMATS[_SMALL_FLOATS[element.name]]
    return form.decode(form.unpack(np.frombuffer(data, np.uint8), math.prod(shape)).reshape(shape))


def encode(element: ElementType, values: NDArray[Any]) -> bytes:
    """The stored bytes of ``values``: the inverse of :func:`decode`; floats of 8 bits are given as their codes.

    Raises UnsupportedError as it does.
    """
    if element.name in _SMALL_FLOATS and element.bits == values.dtype.itemsize * 8 and values.dtype.kind == "u":
        return values.tobytes()
    if element.stored:
        return values.astype(element.stored, copy=False).tobytes()
    if element.name == "bfloat16":
        return _round_to_bfloat16(values.astype(np.float32, copy=False)).tobytes()
    if element.name in _PACKED:
        return _PACKED[element.name].pack(values).tobytes()
    raise UnsupportedError(
        f"values of type {element.name} cannot be written", where="tensor", hint="Convert them to float32 or int8"
    )


def encode_real(element: ElementType, values: NDArray[Any]) -> bytes:
    """The inverse of :func:`real_values`: floats of 8 bits or less are given as the float32 numbers they stand for.

    Raises:
        UnsupportedError: a number is none of the type's.
    """
    if element.name not in _SMALL_FLOATS:
        return encode(element, values)
    form = FORMATS[_SMALL_FLOATS[element.name]]
    numbers = form.decode(np.arange(form.qmin, form.qmax + 1).astype(form.dtype))
    wanted = np.ascontiguousarray(values, np.float32)
    # Patterns of bits tell the two zeros apart. There are several NaN: any will do
    patterns = np.where(np.isnan(numbers), np.float32(np.nan), numbers).view(np.uint32)
    sought = np.where(np.isnan(wanted), np.float32(np.nan), wanted).view(np.uint32)
    order = np.argsort(patterns, kind="stable")
    codes = order[np.searchsorted(patterns[order], sought).clip(0, order.size - 1)]
    if not np.array_equal(patterns[codes], sought):
        raise UnsupportedError(
            f"the values are not of type {element.name}", where="tensor", hint="Convert them to float32"
        )
    return form.pack(codes.astype(form.dtype)).tobytes()


def _round_to_bfloat16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    bits = np.ascontiguousarray(values).view(np.uint32)
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16  # half to even
    return np.where(np.isnan(values), 0x7FC0, rounded).astype("<u2")
