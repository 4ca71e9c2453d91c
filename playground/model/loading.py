"""``read``: any model file to a :class:`Model`, as it is in the file.

A file is recognised by its content first, by its name second.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from playground.arrays import as_array
from playground.errors import BadFileError, InvalidInputError, shown, typed
from playground.host.sources import BytesSource, FileSource, Source
from playground.model import readers
from playground.model.element_types import BY_NAME
from playground.model.graph import Model, Tensor
from playground.model.readers._reader import HEAD_BYTES, Reader
from playground.registry import discover

READERS = discover(readers, "READER", Reader)
"""Format id -> reader."""

DAMAGED = "Use another file: this one is truncated, damaged, or not a model"
"""The advice on a file that cannot be read."""


class Serializable(Protocol):
    """A message of Protocol Buffers, such as ``onnx.ModelProto``."""

    def SerializeToString(self) -> bytes:  # noqa: N802 (protobuf's name)
        """The bytes of its file."""
        ...


GivenModel = Model | str | Path | bytes | Source | Serializable | Mapping[str, Any]
"""What stands for a model: a model, a path, the bytes of a file, a source of them, a ModelProto, arrays by name."""


def read(given: GivenModel, name: str | None = None) -> Model:
    """Read a model file. :func:`playground.opening.load` is what the rest of the program works with.

    Args:
        given: a path, the file's bytes, or a source of them; an ``onnx.ModelProto``; or a mapping from names to arrays.
        name: the file's name if it is given as bytes; its ending decides where the content fits several formats.

    Returns:
        The model. Tensors are read from the file when their values are needed.

    Raises:
        BadFileError: the file is empty, damaged or truncated, or its format is unknown.
        MissingError: the file, or another one that has its weights, does not exist.
        UnsupportedError: the file uses a part of its format that is not supported.
    """
    if isinstance(given, Mapping):
        return _of_arrays(given, name or "arrays")
    source = _source(given, name)
    if source.size == 0:
        raise BadFileError("the file is empty", where=source.name or "model", hint="Choose another file")
    with typed(BadFileError, "the file cannot be read", where=source.name, hint=DAMAGED):
        return _reader(source).read(source)


def _of_arrays(arrays: Mapping[str, Any], name: str) -> Model:
    """Arrays by name as a model that has tensors only."""
    tensors = {}
    for key, given in arrays.items():
        where = f"array {shown(key)}"
        values = as_array(given, where)
        if not isinstance(key, str) or values.dtype.name not in BY_NAME:
            raise InvalidInputError(
                f"an array of {values.dtype} under the name {shown(key)} is not a tensor",
                where=where,
                hint="Give numbers, and texts as names: {'weight': array}",
            )
        tensors[key] = Tensor.of(key, values)
    return Model("arrays", name, tensors)


def _source(given: Any, name: str | None) -> Source:
    if isinstance(given, str | Path):
        return FileSource(given)
    if isinstance(given, bytes | bytearray | memoryview):
        return BytesSource(bytes(given), name or "model")
    if isinstance(given, Source):
        return given
    if callable(getattr(given, "SerializeToString", None)):
        return BytesSource(given.SerializeToString(), name or "model.onnx")
    raise InvalidInputError(
        f"a value of type {type(given).__name__} is not a model file",
        where="model",
        hint="Give a path, bytes, an onnx.ModelProto or {'weight': array}",
    )


def _reader(source: Source) -> Reader:
    reader: Reader
    head = source.read(0, min(HEAD_BYTES, source.size))
    for reader in READERS.values():
        if reader.signature(head):
            return reader
    for reader in READERS.values():
        if reader.matches(head, source.name):
            return reader
    endings = [suffix for reader in READERS.values() for suffix in reader.suffixes]
    raise BadFileError(
        "the file is not a model of a known format", where=source.name, hint=f"Use one of: {', '.join(endings)}"
    )
