"""Values as another element type."""

from __future__ import annotations

import numpy as np

from playground.errors import UnsupportedError
from playground.model.element_types import BY_ONNX, ElementType, decode, encode
from playground.number_formats import FORMATS
from playground.operators._quantization import FLOATS
from playground.programs.call import Array

_SMALL = {**FLOATS, "float8_e8m0fnu": "e8m0"}
_WHOLE = {"int4": np.int8, "int2": np.int8, "uint4": np.uint8, "uint2": np.uint8}
"""Types of less than 8 bits -> those of arrays that hold them."""


def cast(x: Array, stored: str, number: int, operator: str) -> Array:
    """X as another type; bfloat16 is held as float32, and integers of less than 8 bits one a byte, cut to their bits.

    Args:
        x: values, or codes of small floats.
        stored: the type that the file states for x; empty: that of the array.
        number: ONNX's of the type that is wanted.
        operator: whose result this is, for the error.

    Raises:
        UnsupportedError: the type is of texts or of floats of 8 bits or less, whose codes would pass for integers.
    """
    element = BY_ONNX.get(number)
    values = FORMATS[_SMALL[stored]].decode(x) if stored in _SMALL else x
    if element is not None and element.stored:
        return values.astype(element.stored)
    if element is not None and element.name == "bfloat16":
        return decode(element, encode(element, values.astype(np.float32)), values.shape)
    if element is not None and element.name in _WHOLE:
        return _cut(values.astype(np.int64), element).astype(_WHOLE[element.name])
    raise UnsupportedError(
        f"{operator} to {element.name if element else 'text'} is not supported", hint="Use engine='onnxruntime'"
    )


def _cut(values: Array, element: ElementType) -> Array:
    """The lowest bits of integers, with their sign."""
    half = 2 ** (element.bits - 1) if element.name.startswith("i") else 0
    return np.asarray((values + half) % 2**element.bits - half)
