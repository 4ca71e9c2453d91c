"""``read``: any model file to a :class:`Model`, as it is in the file.

A file is recognised by its content first, by its name second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from playground.arrays import as_array
from playground.errors import BadFileError, InvalidInputError, MissingError, shown, typed
from playground.host.sources import BytesSource, FileSource, Source, SourceGroup, whole_size
from playground.model import readers
from playground.model.element_types import BY_NAME
from playground.model.graph import Model, Tensor
from playground.model.readers._reader import HEAD_BYTES, Reader
from playground.registry import discover

READERS = discover(readers, "READER", Reader)
"""Format id -> reader."""

DAMAGED = "Use another file: this one is truncated, damaged, or not a model"
"""The advice on a file that cannot be read."""

_MAIN = (".index.json", ".onnx", "-00001-of-")
"""Parts of names that tell which one of several files names the others, the surest first."""


class Serializable(Protocol):
    """A message of Protocol Buffers, such as ``onnx.ModelProto``."""

    def SerializeToString(self) -> bytes:  # noqa: N802 (protobuf's name)
        """The bytes of its file."""
        ...


class HoldsModel(Protocol):
    """What has a model, such as the result of ``quantize_model``."""

    @property
    def model(self) -> Model:
        """The model."""
        ...


GivenModel = (
    Model | HoldsModel | str | Path | bytes | Source | Serializable | Mapping[str, Any] | Sequence[str | Path | Source]
)
"""What stands for a model: a model or what holds one, a path, the bytes of a file, a source of them, a ModelProto,
arrays by name, or several paths or sources."""


def read(given: GivenModel, name: str | None = None) -> Model:
    """Read a model file. :func:`playground.opening.load` is what the rest of the program works with.

    Args:
        given: a path, the file's bytes, or a source of them; an ``onnx.ModelProto``; a mapping from names to arrays; or
            several paths or sources, if the model is in several files.
        name: the file's name if it is given as bytes; its ending decides where the content fits several formats.

    Returns:
        The model. Tensors are read from the file when their values are needed.

    Raises:
        BadFileError: the file is empty, damaged or truncated, or its format is unknown.
        MissingError: the file, or another one that has its weights, does not exist.
        UnsupportedError: the file uses a part of its format that is not supported.
        InvalidInputError: of several files one does not belong to the model.
    """
    if isinstance(given, Mapping):
        return _of_arrays(given, name or "arrays")
    source = _source(given, name)
    if source.size == 0:
        raise BadFileError("the file is empty", where=source.name or "model", hint="Choose another file")
    with typed(BadFileError, "the file cannot be read", where=source.name, hint=DAMAGED):
        model = _reader(source).read(source)
    if isinstance(source, SourceGroup) and (unused := sorted(set(source.others) - source.used)):
        raise InvalidInputError(
            f"{unused[0]!r} is not a part of the model in {source.name!r}",
            where="model",
            hint="Open one model at a time, with the files that belong to it",
        )
    return replace(model, file_bytes=whole_size(source))


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


def grouped(sources: Sequence[Source]) -> Source:
    """Several files of one model as a source: the one that is read, and beside it those that it names.

    Raises:
        InvalidInputError: there is none, or two have the same name.
    """
    if len(sources) == 1:
        return sources[0]
    held = {source.name: source for source in sorted(sources, key=lambda source: source.name)}
    if not held or len(held) != len(sources):
        raise InvalidInputError(
            "no files are given, or two of the same name", where="model", hint="Give the files of one model"
        )
    main = min(held, key=lambda name: next((i for i, part in enumerate(_MAIN) if part in name.lower()), len(_MAIN)))
    return SourceGroup(held.pop(main), held)


def _source(given: Any, name: str | None) -> Source:
    if isinstance(given, list | tuple):
        return grouped([_source(each, None) for each in given])
    if isinstance(given, str | Path):
        _require_no_gallery_id(str(given))
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
        hint=_given_hint(given),
    )


def _given_hint(given: Any) -> str:
    """What to give instead of a value that cannot be opened."""
    if callable(getattr(type(given), "state_dict", None)):
        return "Give model.state_dict() for its weights, or export it with torch.onnx.export and give the file"
    if callable(getattr(type(given), "read", None)):
        return "Give its path, or the bytes: load(file.read())"
    return "Give a path, bytes, an onnx.ModelProto or {'weight': array}"


def _require_no_gallery_id(path: str) -> None:
    """Say how models of the gallery are opened in Python to those who write them as the command line has them."""
    prefix, colon, model_id = path.partition(":")
    if prefix == "gallery" and colon and not Path(path).exists():
        hint = f"Open it with playground.gallery.open_model({model_id!r})"
        raise MissingError("this is a model of the gallery and not a path", where=shown(path), hint=hint)


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
