"""Where bytes come from: a source is read by ranges, so that a large file is never taken into memory as a whole."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Protocol, runtime_checkable

from playground.errors import BadFileError, MissingError, plural


@runtime_checkable
class Source(Protocol):
    """A named, sized, read-only run of bytes. Readers of model files take nothing else."""

    @property
    def name(self) -> str:
        """The file's name, without its folder."""
        ...

    @property
    def size(self) -> int:
        """Bytes in all."""
        ...

    def read(self, offset: int, size: int) -> bytes:
        """Exactly ``size`` bytes from ``offset``.

        Raises:
            BadFileError: the range is not inside the source; nothing has been allocated.
        """
        ...


def check_range(source: Source, offset: int, size: int) -> None:
    """Refuse a range that is not inside ``source`` (BadFileError)."""
    if offset < 0 or size < 0 or offset + size > source.size:
        raise BadFileError(
            f"bytes {offset} to {offset + size} are missing: the file has {plural(source.size, 'byte')}",
            where=source.name,
            hint="Get the file again: it is truncated or damaged",
        )


_MOST_NEIGHBOURS = 1000
"""Names of a folder that are compared with that of a missing file."""


def require_file(path: str | Path) -> None:
    """Raise MissingError unless there is such a file; the message says what the path is instead."""
    file, text = Path(path), str(path)
    if file.is_file():
        return
    what, hint = "the file does not exist", "Check the path"
    if "://" in text or ":/" in text[2:]:
        what, hint = "this is an address and not a path", "Download the file first: nothing is loaded from a network"
    elif not text:
        what, hint = "the path is empty", "Give one such as 'model.onnx'"
    elif file.is_dir():
        what, hint = "this is a folder and not a file", "Give the file in it, or the files of one model as a list"
    elif text.startswith("~") and file.expanduser().is_file():
        hint = f"Write the whole path, {file.expanduser()}"
    elif near := _neighbour(file):
        hint = f"Check the path: there is a file {near!r}"
    raise MissingError(what, where=text, hint=hint)


def _neighbour(file: Path) -> str | None:
    """The file in the same folder whose name is spelt most like that of a missing one."""
    try:
        names = [each.name for each in islice(file.parent.iterdir(), _MOST_NEIGHBOURS)]
    except OSError:
        return None
    return next(iter(difflib.get_close_matches(file.name[:100], names, n=1, cutoff=0.75)), None)


class BytesSource:
    """Bytes that are in memory already."""

    def __init__(self, data: bytes, name: str = "") -> None:
        """Wrap ``data`` (no copy) under ``name``."""
        self._data, self.name, self.size = data, name, len(data)

    def read(self, offset: int, size: int) -> bytes:
        """See :meth:`Source.read`."""
        check_range(self, offset, size)
        if size == self.size:
            return self._data
        return self._data[offset : offset + size]


class FileSource:
    """A file on disk. It is opened for each read, so that a source can be kept for as long as its tensors are.

    Attributes:
        others: files that it names and that were found: path -> bytes.
    """

    def __init__(self, path: str | Path) -> None:
        """Take the file's size; MissingError if there is no such file."""
        self.path = Path(path)
        require_file(path)
        self.name, self.size = self.path.name, self.path.stat().st_size
        self.others: dict[Path, int] = {}

    def other(self, path: Path) -> FileSource:
        """Another file, which this one names (MissingError)."""
        found = FileSource(path)
        self.others[path] = found.size
        return found

    def read(self, offset: int, size: int) -> bytes:
        """See :meth:`Source.read`."""
        check_range(self, offset, size)
        with self.path.open("rb") as file:
            file.seek(offset)
            data = file.read(size)
        if len(data) != size:
            raise BadFileError("the file became shorter while it was read", where=self.name, hint="Open it again")
        return data


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """Files that were given together: one that is read, and others that it may name.

    Attributes:
        main: the one that is read.
        others: the rest by name.
        used: names of those that the reader has looked for.
    """

    main: Source
    others: Mapping[str, Source]
    used: set[str] = field(default_factory=set, compare=False)

    def take(self, name: str) -> Source | None:
        """One of the others, None if there is none of that name."""
        if name in self.others:
            self.used.add(name)
        return self.others.get(name)

    @property
    def name(self) -> str:
        """The name of the file that is read."""
        return self.main.name

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.main.size

    def read(self, offset: int, size: int) -> bytes:
        """See :meth:`Source.read`."""
        return self.main.read(offset, size)


def beside(source: Source, name: str) -> Source | None:
    """The file ``name`` beside ``source``: in the same folder, or given together with it. None: there is none.

    A name with a folder in it is not looked for: only files that the user has put there are read.
    """
    if name in ("", ".", "..") or "\0" in name or {PurePosixPath(name).name, PureWindowsPath(name).name} != {name}:
        return None
    if isinstance(source, SourceGroup):
        return source.take(name) or beside(source.main, name)
    if isinstance(source, FileSource):
        path = source.path.parent / name
        return source.other(path) if path.is_file() else None
    return None


def whole_size(source: Source) -> int:
    """Bytes of a source and of the files that were looked for beside it and found."""
    if isinstance(source, SourceGroup):
        return whole_size(source.main) + sum(source.others[name].size for name in source.used)
    return source.size + (sum(source.others.values()) if isinstance(source, FileSource) else 0)
