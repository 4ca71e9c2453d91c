"""Values as another element type."""

from __future__ import annotations

import numpy as np

from playground.errors import UnsupportedError
from playground.model.element_types import BY_ONNX, ElementType, decode, encode
from playground.number_formats import FORMATS
from playground.operators._attributes import Attribute
from playground.operators._quantization import FLOATS
from playground.programs.call import Array, Call
from playground.rounding import ROUNDINGS

_SMALL = {**FLOATS, "float8_e8m0fnu": "e8m0"}
_WHOLE = {"int4": np.int8, "int2": np.int8, "uint4": np.uint8, "uint2": np.uint8}
"""Types of less than 8 bits -> those of arrays that hold them."""

ROUND_MODE = Attribute("round_mode", "string", "up", choices=("up", "down", "nearest"), since=25)
_ROUND_MODES = {"nearest": "half_even", "up": "ceil", "down": "floor"}
"""Attribute ``round_mode`` of casts to powers of two -> the id of a rounding."""


def small_float(number: object) -> str:
    """The name of ONNX's type of this number if it is a float of 8 bits or less, else empty; also of what is none."""
    element = BY_ONNX.get(number) if isinstance(number, int) else None
    return element.name if element is not None and element.name in _SMALL else ""


def cast(x: Array, stored: str, number: int, call: Call) -> Array:
    """X as another type; bfloat16 is held as float32, and integers of less than 8 bits one a byte, cut to their bits.

    Small floats are held by their codes: who reads them is told their type (:mod:`playground.engines.small_floats`).

    Args:
        x: values, or codes of small floats.
        stored: the type that x has where the array does not say it; empty: that of the array.
        number: ONNX's of the type that is wanted.
        call: whether values beyond the largest small float become that, and how powers of two are rounded.

    Raises:
        UnsupportedError: the type is of texts, or of floats of 6 bits.
    """
    element = BY_ONNX.get(number)
    values = FORMATS[_SMALL[stored]].decode(x) if stored in _SMALL else x
    if element is not None and element.stored:
        return values.astype(element.stored)
    if element is not None and element.name == "bfloat16":
        return decode(element, encode(element, values.astype(np.float32)), values.shape)
    if element is not None and element.name in _WHOLE:
        return _cut(values.astype(np.int64), element).astype(_WHOLE[element.name])
    if element is not None and element.name in _SMALL:
        number_format, mode = FORMATS[_SMALL[element.name]], "nearest"
        if element.name == "float8_e8m0fnu":
            mode = call.get("round_mode", "up")
        # the copy is clipped where it is
        reals = np.array(values, np.float32)
        return number_format.encode(reals, ROUNDINGS[_ROUND_MODES[mode]], saturate=bool(call.get("saturate", True)))
    raise UnsupportedError(
        f"a cast to {element.name if element else 'text'} is not supported", hint="Use engine='onnxruntime'"
    )


def _cut(values: Array, element: ElementType) -> Array:
    """The lowest bits of integers, with their sign."""
    half = 2 ** (element.bits - 1) if element.name.startswith("i") else 0
    return np.asarray((values + half) % 2**element.bits - half)
