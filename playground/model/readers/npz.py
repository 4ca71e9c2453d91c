"""NumPy's .npz: a zip archive of .npy files. Pickled objects are refused."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from dataclasses import dataclass
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from playground.errors import BadFileError, UnsupportedError
from playground.host.sources import Source
from playground.model.element_types import BY_NAME
from playground.model.graph import Model, Tensor
from playground.model.readers._reader import Reader

MAX_DEFLATE_RATIO = 1032
"""No stream of deflate grows more than this: a member that says so lies about its size."""

_MAX_READ = 1 << 26
"""Most bytes zipfile may take at once: the archive's directory, or a chunk of a member."""

_CHUNK = 1 << 20

_HEADER_FAULTS = (ValueError, KeyError, TypeError, SyntaxError, TokenError, MemoryError, RecursionError)
"""What NumPy's parser of .npy headers raises on nonsense (the last three on deep nesting)."""


def read(source: Source) -> Model:
    """Read an .npz file: tensors only, each decompressed when it is asked for.

    Raises:
        BadFileError: no zip archive, a damaged one, or a member whose header disagrees with its size.
        UnsupportedError: a zip archive of something else, or arrays of Python objects.
    """
    try:
        with zipfile.ZipFile(_Reading(source)) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            if not members:
                raise UnsupportedError(
                    "it is a zip archive without .npy files", where=source.name, hint="An .npz file was expected"
                )
            tensors = [_tensor(archive, member, source) for member in members]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
        raise BadFileError(f"it is no readable zip archive ({error})", where=source.name) from error
    found = {tensor.name: tensor for tensor in tensors}
    if len(found) != len(tensors):
        raise BadFileError("two of its arrays have the same name", where=source.name)
    return Model("npz", source.name, found)


def _tensor(archive: zipfile.ZipFile, member: zipfile.ZipInfo, source: Source) -> Tensor:
    name = member.filename.removesuffix(".npy")
    where = f"{source.name}: array {name[:80]!r}"
    if member.file_size > MAX_DEFLATE_RATIO * (member.compress_size + 64):
        raise BadFileError(
            f"{member.compress_size} bytes cannot unpack to the {member.file_size} it claims", where=where
        )
    with archive.open(member) as stream:
        header = _header(stream, where)
    native = header.dtype.newbyteorder("=").name
    found, needed = member.file_size - header.start, header.nbytes
    if found != needed:
        raise BadFileError(f"it holds {found} bytes, and its shape {list(header.shape)} needs {needed}", where=where)
    if native not in BY_NAME:
        raise UnsupportedError(f"arrays of {header.dtype} are no tensors", where=where)
    return Tensor(name, native, header.shape, needed, lambda: _values(source, member, header))


@dataclass(frozen=True, slots=True)
class _Header:
    """What an .npy file says about itself; ``start`` is the offset of its first value."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    start: int

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def _header(stream: Any, where: str) -> _Header:
    """The header of an .npy file: NumPy's own parser, which takes literals of at most 10 kB only."""
    try:
        version = npy.read_magic(stream)
        parse = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran, dtype = parse(stream)
    except _HEADER_FAULTS as error:
        raise BadFileError("its .npy header cannot be read", where=where) from error
    if dtype.hasobject:
        raise UnsupportedError(
            "it holds pickled Python objects, which are never loaded", where=where, hint="Save plain arrays"
        )
    if any(n < 0 for n in shape):
        raise BadFileError(f"its shape {list(shape)} has a negative size", where=where)
    return _Header(dtype, shape, fortran, stream.tell())


def _values(source: Source, member: zipfile.ZipInfo, header: _Header) -> NDArray[Any]:
    data = np.empty(header.nbytes, np.uint8)
    try:
        with zipfile.ZipFile(_Reading(source)) as archive, archive.open(member) as stream:
            stream.read(header.start)
            for at in range(0, data.size, _CHUNK):
                part = data[at : at + _CHUNK]
                part[:] = np.frombuffer(stream.read(part.size), np.uint8)
            stream.read(1)  # at the end the checksum is compared
    except (zipfile.BadZipFile, ValueError, zlib.error, EOFError) as error:
        raise BadFileError(f"array {member.filename!r} is damaged", where=source.name) from error
    array = data.view(header.dtype).reshape(header.shape, order="F" if header.fortran else "C")
    return array.astype(header.dtype.newbyteorder("="), copy=False)


class _Reading(io.RawIOBase):
    """A source as the seekable file that zipfile wants; large single reads are refused."""

    def __init__(self, source: Source) -> None:
        self._source, self._at = source, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        if self._at < 0:
            raise OSError("seek before the start")  # what a file does; zipfile relies on it
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(self._source.size - self._at, 0)
        size = left if size < 0 else min(size, left)
        if size > _MAX_READ:
            raise BadFileError(f"a part of {size} bytes of the archive is too large", where=self._source.name)
        data = self._source.read(self._at, size) if size else b""
        self._at += size
        return data


READER = Reader("npz", (".npz",), lambda head: head[:4] in (b"PK\x03\x04", b"PK\x05\x06"), read)
