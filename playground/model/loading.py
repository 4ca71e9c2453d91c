"""``read``: any model file to a :class:`Model`, as it is in the file.

A file is recognised by its content first, by its name second.
"""

from __future__ import annotations

from pathlib import Path

from playground.errors import BadFileError, InvalidInputError, typed
from playground.host.sources import BytesSource, FileSource, Source
from playground.model import readers
from playground.model.graph import Model
from playground.model.readers._reader import HEAD_BYTES, Reader
from playground.registry import discover

READERS = discover(readers, "READER", Reader)
"""Format id -> reader."""

DAMAGED = "Use another file: this one is truncated, damaged, or not a model"
"""The advice on a file that cannot be read."""


def read(path_or_bytes: str | Path | bytes | Source, name: str | None = None) -> Model:
    """Read a model file. :func:`playground.opening.load` is what the rest of the program works with.

    Args:
        path_or_bytes: a path, the file's bytes, or a source of them.
        name: the file's name if it is given as bytes; its ending decides where the content fits several formats.

    Returns:
        The model. Tensors are read from the file when their values are needed.

    Raises:
        BadFileError: the file is empty, damaged or truncated, or its format is unknown.
        MissingError: the file, or another one that has its weights, does not exist.
        UnsupportedError: the file uses a part of its format that is not supported.
    """
    source = _source(path_or_bytes, name)
    if source.size == 0:
        raise BadFileError("the file is empty", where=source.name or "model", hint="Choose another file")
    with typed(BadFileError, "the file cannot be read", where=source.name, hint=DAMAGED):
        return _reader(source).read(source)


def _source(given: str | Path | bytes | Source, name: str | None) -> Source:
    if isinstance(given, str | Path):
        return FileSource(given)
    if isinstance(given, bytes | bytearray | memoryview):
        return BytesSource(bytes(given), name or "model")
    if isinstance(given, Source):
        return given
    raise InvalidInputError(
        f"a value of type {type(given).__name__} is not a model file",
        where="model",
        hint="Give a path, bytes or a source",
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
