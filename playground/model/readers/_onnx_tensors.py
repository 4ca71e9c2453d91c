"""ONNX ``TensorProto`` to :class:`Tensor`: sizes are checked here, values are converted when they are read."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import DAMAGED, BadFileError, MissingError, UnsupportedError
from playground.host.sources import FileSource, Source, beside
from playground.limits import MOST_RANK
from playground.model.element_types import BY_ONNX, ElementType, decode
from playground.model.graph import Tensor
from playground.model.onnx_proto import Message, TensorProto

STRING = 8
"""ONNX's number for strings, the one element type without numbers."""

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


_NUMBER_OF = {"float_data": 4, "int32_data": 5, "int64_data": 7, "raw_data": 9, "double_data": 10, "uint64_data": 11}
"""Numbers of the fields of ``TensorProto``."""

_WINDOW = 1 << 20


@dataclass(frozen=True, slots=True)
class Values:
    """Where values of tensors come from.

    Attributes:
        source: the file, beside which others may lie.
        held: the same bytes, in memory if the file is small.
        bulk: as in :class:`playground.model.readers._onnx_outline.Outline`.
    """

    source: Source
    held: Source
    bulk: Mapping[int, tuple[int, int]] = field(default_factory=dict)


def tensor(proto: Message, values: Values) -> Tensor:
    """The tensor of a ``TensorProto``.

    Raises:
        BadFileError: its type or shape makes no sense, or it holds more or less than its shape says.
        MissingError: the values are in another file, which does not exist.
    """
    source = values.source
    if len(proto.dims) > MOST_RANK:
        raise BadFileError(
            f"the tensor has {len(proto.dims)} axes",
            where=f"{source.name}: tensor {proto.name!r}",
            hint=f"Use at most {MOST_RANK}",
        )
    name, shape = proto.name, tuple(int(n) for n in proto.dims)
    where = f"{source.name}: tensor {name!r}"
    if any(n < 0 for n in shape):
        raise BadFileError(f"the shape {list(shape)} has a negative size", where=where, hint=DAMAGED)
    if proto.data_type == STRING:
        return _strings(proto, shape, where)
    element = BY_ONNX.get(proto.data_type)
    if element is None:
        raise BadFileError(
            f"element type {proto.data_type} is unknown", where=where, hint="Convert the tensor to float32 or int8"
        )
    nbytes = element.nbytes(math.prod(shape))
    if proto.data_location == TensorProto.EXTERNAL:
        return Tensor(name, element.name, shape, nbytes, _external(proto, element, shape, source, where))
    if proto.HasField("segment"):
        return Tensor(name, element.name, shape, nbytes, _in_file(proto, element, shape, values, where))
    if proto.HasField("raw_data"):
        _check_size(len(proto.raw_data), nbytes, "bytes", shape, where)
        return Tensor(name, element.name, shape, nbytes, functools.partial(decode, element, proto.raw_data, shape))
    stored = _stored(proto, element, shape, where)
    return Tensor(name, element.name, shape, nbytes, functools.partial(decode, element, stored, shape))


def _in_file(
    proto: Message, element: ElementType, shape: tuple[int, ...], values: Values, where: str
) -> Callable[[], NDArray[Any]]:
    """What reads values that were left in the file."""
    start, count = int(proto.segment.begin), math.prod(shape)
    number, size = values.bulk[start]
    place = _Place(element, shape, values.held, start, size)
    if number == _NUMBER_OF["raw_data"]:
        _check_size(size, element.nbytes(count), "bytes", shape, where)
        return place.bytes
    wanted = _field_of(element, where)
    if number != _NUMBER_OF[wanted]:
        raise BadFileError(f"{element.name} values are not in the field {wanted}", where=where, hint=DAMAGED)
    count = _entries(element, count)
    if wanted in ("float_data", "double_data"):
        _check_size(size, count * np.dtype(_CARRIER[wanted]).itemsize, "bytes", shape, where)
        return place.bytes
    if not count <= size <= 10 * count:
        _check_size(size, count, f"bytes of {wanted}", shape, where)
    return place.integers


@dataclass(frozen=True, slots=True)
class _Place:
    """Values in a file: what they are, where they begin, and how many bytes they take there."""

    element: ElementType
    shape: tuple[int, ...]
    source: Source
    start: int
    size: int

    def bytes(self) -> NDArray[Any]:
        """The values, of bytes as they are stored."""
        return decode(self.element, self.source.read(self.start, self.size), self.shape)

    def integers(self) -> NDArray[Any]:
        """The values, of protobuf's integers."""
        count, dtype = (
            _entries(self.element, math.prod(self.shape)),
            _narrow(self.element, _FIELD_OF[self.element.name]),
        )
        entries = integers(self.source.read(self.start, self.size), count, dtype)
        if self.element.stored == dtype:
            return entries.reshape(self.shape)
        return decode(self.element, entries.tobytes(), self.shape)


def _entries(element: ElementType, count: int) -> int:
    """How many entries of a repeated field hold so many elements: one each, or one for a byte of them."""
    return count if element.bits >= 8 else element.nbytes(count)


def _narrow(element: ElementType, field_name: str) -> str:
    """The type of a repeated field's entries as they are stored: the element's, or bit patterns of its width."""
    if element.stored and (element.stored[1] in "iub" or field_name != "int32_data"):
        return element.stored
    return "<u2" if element.bits == 16 else "|u1"


def _check_size(found: int, expected: int, unit: str, shape: tuple[int, ...], where: str) -> None:
    if found != expected:
        raise BadFileError(
            f"{found} {unit} do not fill the shape {list(shape)}, which needs {expected}",
            where=where,
            hint=DAMAGED,
        )


def _of_strings(texts: list[bytes], shape: tuple[int, ...]) -> NDArray[Any]:
    return np.array(texts, object).reshape(shape)


def _strings(proto: Message, shape: tuple[int, ...], where: str) -> Tensor:
    texts = list(proto.string_data)
    _check_size(len(texts), math.prod(shape), "strings", shape, where)
    nbytes = sum(map(len, texts))
    return Tensor(proto.name, "string", shape, nbytes, functools.partial(_of_strings, texts, shape))


def _stored(proto: Message, element: ElementType, shape: tuple[int, ...], where: str) -> bytes:
    """Values in a repeated field that came with the outline, as bytes of the stored type."""
    name = _field_of(element, where)
    count = _entries(element, math.prod(shape))
    _check_size(len(getattr(proto, name)), count, f"entries of {name}", shape, where)
    carried = np.fromiter(getattr(proto, name), _CARRIER[name], count)
    return carried.astype(_narrow(element, name)).tobytes()


def _field_of(element: ElementType, where: str) -> str:
    """The repeated field that holds values of a type (UnsupportedError if none does)."""
    if element.name not in _FIELD_OF:
        raise UnsupportedError(
            f"{element.name} values outside of raw_data cannot be read",
            where=where,
            hint="Store them in raw_data, as onnx.numpy_helper does",
        )
    return _FIELD_OF[element.name]


def integers(data: bytes, count: int, dtype: str) -> NDArray[Any]:
    """Protobuf's varints as an array of ``dtype`` (integers; values that do not fit are cut, as protobuf does).

    Args:
        data: the content of a packed field.
        count: how many there have to be.
        dtype: NumPy's type of the result.

    Raises:
        BadFileError: there are more or fewer, or one does not end.
    """
    found, done = np.empty(count, dtype), 0
    octets = np.frombuffer(data, np.uint8)
    at = 0
    while at < len(octets):
        part = octets[at : at + _WINDOW]
        ends = np.flatnonzero(part < 128)
        if not ends.size or done + ends.size > count:
            raise BadFileError(f"the list does not hold {count} numbers", hint=DAMAGED)
        starts = np.concatenate(([0], ends[:-1] + 1))
        lengths = ends - starts + 1
        values = np.zeros(ends.size, np.uint64)
        for position in range(min(int(lengths.max()), 10)):
            longer = lengths > position
            septets = (part[starts[longer] + position] & 127).astype(np.uint64)
            values[longer] |= septets << np.uint64(7 * position)
        found[done : done + ends.size] = values.view(np.int64).astype(dtype)
        done += ends.size
        at += int(ends[-1]) + 1
    if done != count:
        raise BadFileError(f"the list holds {done} numbers, and the shape needs {count}", hint=DAMAGED)
    return found


def _external(proto: Message, element: ElementType, shape: tuple[int, ...], source: Source, where: str) -> Any:
    entries = {entry.key: entry.value for entry in proto.external_data}
    if len(entries) < len(proto.external_data):
        raise BadFileError("an entry of the external data stands twice", where=where, hint=DAMAGED)
    if proto.HasField("raw_data"):
        raise BadFileError("the values are in the file and in another one", where=where, hint=DAMAGED)
    location = entries.get("location", "")
    if ".." in re.split(r"[/\\]", location):
        raise BadFileError(
            f"the values are in {location!r}, outside the model's folder",
            where=where,
            hint="Save the weights next to the model",
        )
    data, nbytes = _data_file(location, source, where), element.nbytes(math.prod(shape))
    offset, length = _whole_number(entries, "offset", 0, where), _whole_number(entries, "length", nbytes, where)
    _check_size(length, nbytes, "bytes", shape, where)
    if offset + nbytes > data.size:
        raise BadFileError(
            f"the values end at byte {offset + nbytes} of {location!r}, which has {data.size}",
            where=where,
            hint=DAMAGED,
        )
    return lambda: decode(element, data.read(offset, nbytes), shape)


def _data_file(location: str, source: Source, where: str) -> Source:
    """The file of a tensor's values: in the model's folder, or given together with the model."""
    if not isinstance(source, FileSource):
        held = beside(source, location)
        if held is None:
            raise MissingError(
                f"the values are in another file, {location!r}",
                where=where,
                hint="Open it together with the model, or save the model with its weights in the same file",
            )
        return held
    folder = source.path.parent.resolve()
    path = (folder / location).resolve()
    if not location or not path.is_relative_to(folder):
        raise BadFileError(
            f"the values are in {location!r}, outside the model's folder",
            where=where,
            hint="Save the weights next to the model",
        )
    if not path.is_file():
        raise MissingError(
            f"the file of the values, {location!r}, does not exist", where=where, hint="Put it next to the model"
        )
    return source.other(path)


def _whole_number(entries: dict[str, str], key: str, default: int, where: str) -> int:
    text = entries.get(key, str(default))
    if not (text.isascii() and text.isdecimal()) or len(text) > 19:
        raise BadFileError(f"{text!r} is not a valid {key} of external data", where=where, hint=DAMAGED)
    return int(text)
