"""``load``: any model file to a :class:`Model`. A file is recognised by its content first, by its name second."""

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


def load(path_or_bytes: str | Path | bytes | Source, name: str | None = None) -> Model:
    """Read a model file.

    Args:
        path_or_bytes: a path, the file's bytes, or a source of them.
        name: the file's name if it is given as bytes; its ending helps where the content is not telling.

    Returns:
        The model. Its tensors are read from the file when they are asked for.

    Raises:
        BadFileError: empty, damaged, truncated, or of no format that is known.
        MissingError: there is no such file, or its weights are in another one.
        UnsupportedError: the format allows it, and this version does not read it.
    """
    source = _source(path_or_bytes, name)
    if source.size == 0:
        raise BadFileError("the file is empty", where=source.name or "model")
    with typed(BadFileError, "it cannot be read", where=source.name, hint="Truncated, damaged, or not a model"):
        return _reader(source).read(source)


def _source(given: str | Path | bytes | Source, name: str | None) -> Source:
    if isinstance(given, str | Path):
        return FileSource(given)
    if isinstance(given, bytes | bytearray | memoryview):
        return BytesSource(bytes(given), name or "model")
    if isinstance(given, Source):
        return given
    raise InvalidInputError(f"{type(given).__name__} is no model file", hint="Give a path, bytes or a source")


def _reader(source: Source) -> Reader:
    reader: Reader
    head = source.read(0, min(HEAD_BYTES, source.size))
    for reader in READERS.values():
        if reader.signature(head):
            return reader
    for reader in READERS.values():
        if reader.matches(head, source.name):
            return reader
    raise BadFileError(
        "it is no model file that is known here",
        where=source.name,
        hint=f"Known: {', '.join(suffix for reader in READERS.values() for suffix in reader.suffixes)}",
    )
