"""ONNX ``TensorProto`` to :class:`Tensor`: sizes are checked here, values are converted when they are read."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import BadFileError, MissingError, UnsupportedError
from playground.host.sources import FileSource, Source
from playground.model.element_types import BY_ONNX, ElementType, decode
from playground.model.graph import Tensor
from playground.model.onnx_proto import Message, TensorProto

STRING = 8
"""ONNX's number for strings, the one element type that is no number."""

_FIELDS: dict[str, tuple[str, ...]] = {
    "float_data": ("float32",),
    "double_data": ("float64",),
    "int64_data": ("int64",),
    "uint64_data": ("uint32", "uint64"),
    "int32_data": (
        *("int32", "int16", "int8", "int4", "int2", "uint16", "uint8", "uint4", "uint2", "bool", "float16", "bfloat16"),
        *("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn"),
        *("float6_e2m3fn", "float6_e3m2fn"),
    ),
}
_FIELD_OF = {name: field for field, names in _FIELDS.items() for name in names}
_CARRIER = {"float_data": "<f4", "double_data": "<f8", "int64_data": "<i8", "uint64_data": "<u8", "int32_data": "<i4"}


def tensor(proto: Message, source: Source) -> Tensor:
    """The tensor of a ``TensorProto``.

    Raises:
        BadFileError: its type or shape makes no sense, or it holds more or less than its shape says.
        MissingError: its values are in another file, which is not at hand.
    """
    name, shape = proto.name, tuple(int(n) for n in proto.dims)
    where = f"{source.name}: tensor {name!r}"
    if any(n < 0 for n in shape):
        raise BadFileError(f"its shape {list(shape)} has a negative size", where=where)
    if proto.data_type == STRING:
        return _strings(proto, shape, where)
    element = BY_ONNX.get(proto.data_type)
    if element is None:
        raise BadFileError(f"its element type has the unknown number {proto.data_type}", where=where)
    nbytes = element.nbytes(math.prod(shape))
    if proto.data_location == TensorProto.EXTERNAL:
        return Tensor(name, element.name, shape, nbytes, _external(proto, element, shape, source, where))
    if proto.HasField("raw_data"):
        _check_size(len(proto.raw_data), nbytes, "bytes", shape, where)
        return Tensor(name, element.name, shape, nbytes, lambda: decode(element, proto.raw_data, shape))
    return Tensor(name, element.name, shape, nbytes, _typed(proto, element, shape, where))


def _check_size(found: int, expected: int, unit: str, shape: tuple[int, ...], where: str) -> None:
    if found != expected:
        raise BadFileError(
            f"it holds {found} {unit}, and its shape {list(shape)} needs {expected}",
            where=where,
            hint="The file is damaged",
        )


def _strings(proto: Message, shape: tuple[int, ...], where: str) -> Tensor:
    _check_size(len(proto.string_data), math.prod(shape), "strings", shape, where)
    nbytes = sum(len(text) for text in proto.string_data)
    return Tensor(proto.name, "string", shape, nbytes, lambda: np.array(list(proto.string_data), object).reshape(shape))


def _typed(proto: Message, element: ElementType, shape: tuple[int, ...], where: str) -> Any:
    """Values in a repeated field: slow to convert (2 s for a million in the browser), so it is done once."""
    if element.name not in _FIELD_OF:
        raise UnsupportedError(f"{element.name} values that are not stored as raw bytes cannot be read", where=where)
    field = _FIELD_OF[element.name]
    count = math.prod(shape) if element.bits >= 8 else element.nbytes(math.prod(shape))
    _check_size(len(getattr(proto, field)), count, f"entries of {field}", shape, where)

    @functools.cache
    def read() -> NDArray[Any]:
        carried = np.fromiter(getattr(proto, field), _CARRIER[field], count)
        if element.stored and element.stored[1] in "iub":
            return carried.astype(element.stored).reshape(shape)
        if field == "int32_data":  # bit patterns of narrower types
            carried = carried.astype("<u2" if element.bits == 16 else np.uint8)
        return decode(element, carried.tobytes(), shape)

    return read


def _external(proto: Message, element: ElementType, shape: tuple[int, ...], source: Source, where: str) -> Any:
    entries = {entry.key: entry.value for entry in proto.external_data}
    location = entries.get("location", "")
    if not isinstance(source, FileSource):
        raise MissingError(
            f"its values are in another file, {location!r}",
            where=where,
            hint="Save the model with its weights in the same file (onnx.save without external data)",
        )
    folder = source.path.parent.resolve()
    path = (folder / location).resolve()
    if not location or not path.is_relative_to(folder):
        raise BadFileError(f"its values are said to be in {location!r}, outside the model's folder", where=where)
    if not path.is_file():
        raise MissingError(f"its values are in {location!r}, which is not next to the model", where=where)
    data, nbytes = FileSource(path), element.nbytes(math.prod(shape))
    offset, length = _whole_number(entries, "offset", 0, where), _whole_number(entries, "length", nbytes, where)
    _check_size(length, nbytes, "bytes", shape, where)
    if offset + nbytes > data.size:
        raise BadFileError(
            f"its values end at byte {offset + nbytes} of {location!r}, which has {data.size}", where=where
        )
    return lambda: decode(element, data.read(offset, nbytes), shape)


def _whole_number(entries: dict[str, str], key: str, default: int, where: str) -> int:
    text = entries.get(key, str(default))
    if not text.isdecimal() or len(text) > 19:
        raise BadFileError(f"the {key} of its external data is {text!r}, which is no size", where=where)
    return int(text)
