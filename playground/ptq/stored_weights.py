"""How an ONNX file holds a quantized weight: the constants, and the operator that makes floats of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import operators
from playground.model.element_types import BY_NAME, BY_ONNX
from playground.operators import Operator
from playground.ptq.constants import flat_parameters
from playground.quantization import QTensor

_HALVES = {"fp16": "float16", "bf16": "bfloat16"}
_SMALL_FLOATS = {
    "fp8_e4m3": "float8_e4m3fn",
    "fp8_e5m2": "float8_e5m2",
    "fp8_e4m3fnuz": "float8_e4m3fnuz",
    "fp8_e5m2fnuz": "float8_e5m2fnuz",
}
_LEAST_BITS, _MOST_BITS = 2, 8


@dataclass(frozen=True, slots=True)
class Constant:
    """One constant: what is behind the weight's name in its own, its values, and their element type in the file."""

    suffix: str
    values: NDArray[Any]
    dtype: str


@dataclass(frozen=True, slots=True)
class StoredWeight:
    """What a file has of a weight.

    Attributes:
        constants: the first one holds the codes, or the values.
        operator: what makes float32 of them; None: they are float32.
        attributes: of the operator.
    """

    constants: tuple[Constant, ...]
    operator: Operator | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


def stored_type(weight: QTensor) -> str:
    """The element type in which a file holds a weight's codes and zero-points, or its values."""
    held = weight.scheme.format
    if _has_codes(weight):
        # Of the codes narrower than a byte, runtimes take those of 4 bits only
        return held if weight.scheme.number_format.bits == 4 else weight.codes.dtype.name
    if _is_alone(weight):
        return _HALVES.get(held) or _SMALL_FLOATS.get(held, "float32")
    return "float32"


def stored_nbytes(weight: QTensor) -> int:
    """Bytes of the constants that hold a weight; none of its values is computed."""
    return BY_NAME[stored_type(weight)].nbytes(weight.codes.size) + _parameters_nbytes(weight)


def constants_nbytes(weight: QTensor) -> int:
    """The same with codes packed that are narrower than the type they are kept in."""
    packs = stored_type(weight) == weight.codes.dtype.name
    codes = weight.scheme.number_format.packed_nbytes(weight.codes.size)
    return codes + _parameters_nbytes(weight) if packs else stored_nbytes(weight)


def _parameters_nbytes(weight: QTensor) -> int:
    """Bytes of scales, and of zero-points in the type of the codes."""
    held, count = stored_type(weight), weight.qparams.scale_values.size
    if _has_codes(weight):
        return 4 * count + BY_NAME[held].nbytes(count)
    return 4 * count if held in _SMALL_FLOATS.values() else 0


def stored_form(weight: QTensor) -> StoredWeight:
    """How a file holds a weight.

    Integers are codes for DequantizeLinear, with a scale a tensor, a channel or a block; float16 and bfloat16 are cast;
    floats of 8 bits are codes for DequantizeLinear, too. What no runtime has a type for (codebooks, microscaling,
    scales of scales) is float32 numbers that the format has.
    """
    dtype = stored_type(weight)
    if _has_codes(weight):
        scale, zero_point = _parameters(weight)
        constants = (
            Constant("quantized", weight.codes, dtype),
            Constant("scale", scale, "float32"),
            Constant("zero_point", zero_point, dtype),
        )
        return StoredWeight(constants, operators.dequantize_linear.OPERATORS[0], _along(weight, scale))
    if dtype in _SMALL_FLOATS.values():
        scale = flat_parameters(weight)[0]
        floats = (Constant("quantized", weight.codes, dtype), Constant("scale", scale, "float32"))
        return StoredWeight(floats, operators.dequantize_linear.OPERATORS[0], _along(weight, scale))
    values = weight.dequantize().astype(np.float32)
    if dtype == "float32":
        return StoredWeight((Constant("simulated", values, dtype),))
    narrow = values.astype(np.float16) if dtype == "float16" else values
    return StoredWeight((Constant(dtype, narrow, dtype),), operators.cast.OPERATOR, {"to": _FLOAT32})


_FLOAT32 = next(number for number, element in BY_ONNX.items() if element.name == "float32")


def _has_codes(weight: QTensor) -> bool:
    """Whether DequantizeLinear says what its codes stand for, as integers."""
    scheme = weight.scheme
    integers = scheme.number_format.family == "integer" and _LEAST_BITS <= scheme.number_format.bits <= _MOST_BITS
    return integers and _is_plain(weight) and (scheme.granularity in ("tensor", "channel") or _in_blocks(weight))


def _is_plain(weight: QTensor) -> bool:
    """Whether a value is its code times a float32 scale, or its code less a zero-point that is a code, times that."""
    scheme = weight.scheme
    if scheme.scale_scheme is not None or scheme.centre or scheme.rotation is not None or not scheme.zero_in_range:
        return False
    return scheme.zero_rule == "integer" or not weight.qparams.zero_point.any()


def _in_blocks(weight: QTensor) -> bool:
    """Whether blocks lie along one axis, each of the same number of values but the last."""
    scheme, shape = weight.scheme, weight.shape
    if scheme.granularity != "block" or not scheme.block_size or not shape:
        return False
    axis = scheme.block_axis % len(shape)
    wanted = tuple(-(-n // scheme.block_size) if i == axis else n for i, n in enumerate(shape))
    return weight.qparams.scale_values.size == math.prod(wanted)


def _is_alone(weight: QTensor) -> bool:
    """Whether a value of a float format is its code, times a scale a tensor or a channel."""
    scheme = weight.scheme
    if scheme.granularity not in ("tensor", "channel") or not _is_plain(weight):
        return False
    return scheme.format in _SMALL_FLOATS or bool((weight.qparams.scale_values == 1).all())


def _parameters(weight: QTensor) -> tuple[NDArray[Any], NDArray[Any]]:
    if weight.scheme.granularity != "block":
        return flat_parameters(weight)
    axis = weight.scheme.block_axis % len(weight.shape)
    blocks = -(-weight.shape[axis] // (weight.scheme.block_size or 1))
    shape = tuple(blocks if i == axis else n for i, n in enumerate(weight.shape))
    held = weight.qparams.scale_values, weight.qparams.zero_point.astype(weight.codes.dtype)
    return held[0].reshape(shape), held[1].reshape(shape)


def _along(weight: QTensor, scale: NDArray[Any]) -> dict[str, int]:
    if not scale.ndim:
        return {}
    if weight.scheme.granularity != "block":
        return {"axis": weight.scheme.axis or 0}
    return {"axis": weight.scheme.block_axis, "block_size": weight.scheme.block_size or 0}
