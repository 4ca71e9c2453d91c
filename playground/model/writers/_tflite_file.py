"""A ``.tflite`` file of tensors and operators: the tables of TFLite's schema, and the operators' versions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.model.element_types import BY_NAME, encode
from playground.model.readers import _tflite_schema as schema
from playground.model.readers._tflite_file import Codes
from playground.model.writers._flatbuffer import Number, Numbers, Table, flatbuffer

MOST_BYTES = 2**31 - 1
"""Offsets of a flatbuffer that lead further are not taken by LiteRT."""

SIGNATURE = "serving_default"
"""The name under which TensorFlow's own converter offers a file's only graph."""


@dataclass(slots=True)
class Made:
    """A tensor of the file.

    Attributes:
        name: its own.
        element: its type, as in ``Tensor.dtype``.
        shape: sizes of its axes; None where one is open.
        codes: what its codes stand for; None of values that are not quantized.
        values: of a constant, as they are stored; None of what is computed.
    """

    name: str
    element: str
    shape: tuple[int | None, ...]
    codes: Codes | None = None
    values: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator: its name, the numbers of the tensors that it reads (-1: none) and makes, and its options."""

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Whole:
    """All of a file: its graph's name, what it is, and texts by name beside it."""

    name: str
    description: str
    tensors: Sequence[Made]
    operations: Sequence[Operation]
    inputs: Sequence[int]
    outputs: Sequence[int]
    metadata: Mapping[str, str]


def file_of(whole: Whole) -> bytes:
    """The file. Raises UnsupportedError: it would be 2 GB or more."""
    buffers: list[Table] = [{}]
    tensors = [_tensor(made, buffers) for made in whole.tensors]
    size = sum(made.values.nbytes for made in whole.tensors if made.values is not None)
    if size > MOST_BYTES:
        raise UnsupportedError(
            f"constants of {size} bytes do not fit into one .tflite file (2 GB)",
            where=whole.name,
            hint="Quantize more tensors, or use a smaller model",
        )
    entries = []
    for name, text in whole.metadata.items():
        entries.append({0: name, 1: Number("I", len(buffers))})
        buffers.append({schema.Buffer.DATA: Numbers("B", text.encode())})
    kinds = {(op.op, _version(op, whole.tensors)): None for op in whole.operations}
    numbers = {kind: at for at, kind in enumerate(kinds)}
    operators = [_operator(op, numbers[op.op, _version(op, whole.tensors)]) for op in whole.operations]
    graph: dict[int, Any] = {
        schema.Subgraph.TENSORS: tensors,
        schema.Subgraph.INPUTS: Numbers("i", whole.inputs),
        schema.Subgraph.OUTPUTS: Numbers("i", whole.outputs),
        schema.Subgraph.OPERATORS: operators,
        schema.Subgraph.NAME: whole.name,
    }
    model: dict[int, Any] = {
        schema.Model.VERSION: Number("I", 3),
        schema.Model.CODES: [_code(*kind) for kind in kinds],
        schema.Model.SUBGRAPHS: [graph],
        schema.Model.DESCRIPTION: whole.description,
        schema.Model.BUFFERS: buffers,
        schema.Model.METADATA: entries,
        schema.Model.SIGNATURES: [_signature(whole)],
    }
    return flatbuffer(model, b"TFL3")


def _signature(whole: Whole) -> Table:
    """The names of what goes in and out."""
    sides = (
        [{0: whole.tensors[at].name, 1: Number("I", at)} for at in numbers] for numbers in (whole.inputs, whole.outputs)
    )
    return {**dict(enumerate(sides)), 2: SIGNATURE, 4: Number("I", 0)}


def _tensor(made: Made, buffers: list[Table]) -> Table:
    """A tensor; the bytes of a constant go into a new buffer."""
    number = 0
    if made.values is not None:
        number = len(buffers)
        buffers.append({schema.Buffer.DATA: Numbers("B", encode(BY_NAME[made.element], made.values))})
    held: dict[int, Any] = {
        schema.Tensor.SHAPE: Numbers("i", [1 if size is None else size for size in made.shape]),
        schema.Tensor.TYPE: Number("b", schema.ELEMENTS.index(made.element)),
        schema.Tensor.BUFFER: Number("I", number),
        schema.Tensor.NAME: made.name,
    }
    if None in made.shape:
        held[schema.Tensor.SIGNATURE] = Numbers("i", [-1 if size is None else size for size in made.shape])
    # else a shape without axes is one that is not known
    held[schema.Tensor.HAS_RANK] = Number("?", True)
    if made.codes is not None:
        held[schema.Tensor.QUANTIZATION] = {
            schema.Quantization.SCALES: Numbers("f", made.codes.scales),
            schema.Quantization.ZERO_POINTS: Numbers("q", made.codes.zero_points),
            schema.Quantization.AXIS: Number("i", made.codes.axis),
        }
    return held


def _code(op: str, version: int) -> Table:
    number = schema.OPERATORS.index(op)
    return {
        schema.Code.OLDER: Number("b", min(number, 127)),
        schema.Code.VERSION: Number("i", version),
        schema.Code.NEWER: Number("i", number),
    }


def _operator(op: Operation, code: int) -> Table:
    held: dict[int, Any] = {
        schema.Operator.CODE: Number("I", code),
        schema.Operator.INPUTS: Numbers("i", op.inputs),
        schema.Operator.OUTPUTS: Numbers("i", op.outputs),
    }
    kind = schema.OPTIONS.get(op.op)
    if kind is not None:
        held[schema.Operator.OPTIONS_KIND] = Number("B", kind)
        held[schema.Operator.OPTIONS] = op.options
    return held


_SAME_VERSION = frozenset(
    ("DEPTH_TO_SPACE", "ELU", "HARD_SWISH", "LEAKY_RELU", "QUANTIZE", "RESHAPE", "SELECT_V2", "SPACE_TO_DEPTH", "TILE")
)
"""Operators whose first version takes int8, too."""

_VERSIONS = {"RESIZE_BILINEAR": (3, 3), "TRANSPOSE_CONV": (3, 3), "CONV_2D": (1, 3), "DEPTHWISE_CONV_2D": (1, 3)}
_VERSIONS |= {
    "PRELU": (1, 1),
    "SPLIT_V": (1, 2),
    "STRIDED_SLICE": (1, 2),
    "FULLY_CONNECTED": (1, 4),
    "BROADCAST_TO": (2, 3),
}
"""Operator -> the first version that has what is written here, of floats and of int8."""

_KEEPS_AXES = 5
"""Version of FULLY_CONNECTED that keeps more than two axes."""

_NARROW = {"CONV_2D": 7, "DEPTHWISE_CONV_2D": 6, "FULLY_CONNECTED": 12, "DEQUANTIZE": 6}
"""Versions that take codes of 4 bits."""


_HYBRID = {"CONV_2D": (2, 5), "DEPTHWISE_CONV_2D": (4, 6), "FULLY_CONNECTED": (9, 12)}
"""Versions that read floats and weights in codes: with one scale, and with one for each output channel."""


def _version(op: Operation, tensors: Sequence[Made]) -> int:
    """The first version of an operator that takes such values."""
    weights = tensors[op.inputs[1]] if op.op in _HYBRID else None
    if weights is not None and weights.element == "int8" and tensors[op.inputs[0]].element == "float32":
        return _HYBRID[op.op][weights.codes is not None and weights.codes.scales.size > 1]
    kinds = {tensors[at].element for at in (*op.inputs, *op.outputs) if at >= 0}
    if "int4" in kinds:
        return _NARROW[op.op]
    if op.op == "FULLY_CONNECTED" and 2 in op.options:
        return _KEEPS_AXES
    floats, codes = _VERSIONS.get(op.op, (1, 1 if op.op in _SAME_VERSION else 2))
    return codes if kinds & {"int8"} else floats


def count(shape: Sequence[int | None]) -> int:
    """Values of a tensor, open sizes taken for 1."""
    return math.prod(1 if size is None else size for size in shape)


def same_codes(one: Codes | None, other: Codes | None) -> bool:
    """Whether codes of two tensors stand for the same."""
    if one is None or other is None:
        return one is other
    pairs = (one.scales, other.scales), (one.zero_points, other.zero_points)
    return all(np.array_equal(*pair) for pair in pairs)
