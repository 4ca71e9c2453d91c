"""NumPy's .npz: a zip archive of .npy files. Pickled objects are refused."""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from playground.errors import DAMAGED, BadFileError, UnsupportedError, typed
from playground.host.sources import Source
from playground.limits import (
    MOST_ARRAYS,
    MOST_DIRECTORY_BYTES,
    MOST_JSON_DEPTH,
    MOST_NAME,
    MOST_NPY_HEADER,
    MOST_RANK,
    memory_for,
)
from playground.model.element_types import BY_NAME
from playground.model.graph import Model, Tensor
from playground.model.readers._reader import Reader

MAX_DEFLATE_RATIO = 1032
"""No stream of deflate grows more than this: a member that says so lies about its size."""

_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What NumPy writes."""

_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""Signature, and the sizes of the name and of the extra field behind the header."""

_CHUNK = 1 << 20


def read(source: Source) -> Model:
    """Read an .npz file: tensors only, each decompressed when it is asked for.

    Raises:
        BadFileError: no zip archive, a damaged one, or a member whose header disagrees with its size.
        UnsupportedError: a zip archive of something else, or arrays of Python objects.
    """
    with (
        typed(BadFileError, "the file is not a readable zip archive", where=source.name, hint=DAMAGED),
        zipfile.ZipFile(_Directory(source)) as archive,
    ):
        members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
    if not members:
        raise UnsupportedError("the zip archive has no .npy files", where=source.name, hint="Use a file of numpy.savez")
    if len(members) > MOST_ARRAYS:
        raise BadFileError(f"the file has {len(members)} arrays", where=source.name, hint=f"Use at most {MOST_ARRAYS}")
    for member in members:
        if member.file_size > MAX_DEFLATE_RATIO * (member.compress_size + 64):
            raise BadFileError(
                f"{member.compress_size} compressed bytes cannot hold {member.file_size}",
                where=f"{source.name}: array {member.filename[:80]!r}",
                hint=DAMAGED,
            )
    if (total := sum(member.file_size for member in members)) > memory_for(source.size):
        raise BadFileError(
            f"the arrays take {total} bytes, more than 3 times the file and 64 MB",
            where=source.name,
            hint="Save them with numpy.savez, which does not compress",
        )
    tensors: dict[str, Tensor] = {}
    for member in members:
        made = _tensor(member, source)
        if made.name in tensors:
            raise BadFileError(
                f"two arrays have the name {made.name[:80]!r}", where=source.name, hint="Rename one of them"
            )
        tensors[made.name] = made
    return Model("npz", source.name, tensors)


def _tensor(member: zipfile.ZipInfo, source: Source) -> Tensor:
    name = member.filename.removesuffix(".npy")
    where = f"{source.name}: array {name[:80]!r}"
    if len(name) > MOST_NAME:
        raise BadFileError(f"the name has {len(name)} characters", where=where, hint=f"Use at most {MOST_NAME}")
    if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
        raise UnsupportedError(
            "the array is encrypted, or compressed by a method other than deflate", where=where, hint="Use numpy.savez"
        )
    with typed(BadFileError, "the .npy header cannot be read", where=where, hint=DAMAGED):
        header = _header(_Unpacked(source, member), where)
    native = header.dtype.newbyteorder("=").name
    found, needed = member.file_size - header.start, header.nbytes
    if found != needed:
        raise BadFileError(
            f"{found} bytes do not fill the shape {list(header.shape)}, which needs {needed}", where=where, hint=DAMAGED
        )
    if native not in BY_NAME:
        raise UnsupportedError(f"arrays of {header.dtype} are not tensors", where=where, hint="Save numbers")
    return Tensor(name, native, header.shape, needed, _Array(source, member, header).read)


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


def _header(stream: _Unpacked, where: str) -> _Header:
    """The header of an .npy file, read by NumPy's own parser of literals once its size and its nesting are known."""
    start = stream.take(8)
    version = npy.read_magic(io.BytesIO(start))
    sizes = {(1, 0): "<H", (2, 0): "<I"}
    if version not in sizes:
        raise BadFileError(f".npy version {version} is unknown", where=where, hint="Use numpy.savez")
    prefix = stream.take(struct.calcsize(sizes[version]))
    (size,) = struct.unpack(sizes[version], prefix)
    if size > MOST_NPY_HEADER:
        raise BadFileError(f"the .npy header has {size} bytes, more than {MOST_NPY_HEADER}", where=where, hint=DAMAGED)
    literal = stream.take(size)
    if sum(map(literal.count, b"([{-+~!")) > MOST_JSON_DEPTH:
        raise BadFileError("the .npy header is nested too deep", where=where, hint=DAMAGED)
    parse = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = parse(io.BytesIO(prefix + literal))
    if dtype.hasobject:
        raise UnsupportedError(
            "the array has pickled Python objects, which are never loaded", where=where, hint="Save numbers"
        )
    if any(n < 0 for n in shape):
        raise BadFileError(f"the shape {list(shape)} has a negative size", where=where, hint=DAMAGED)
    if len(shape) > MOST_RANK or max(shape, default=0) >= 2**63:
        raise BadFileError(
            "the shape has too many axes, or a size of 2^63 or more", where=where, hint=f"Use at most {MOST_RANK} axes"
        )
    return _Header(dtype, shape, fortran, len(start) + len(prefix) + size)


@dataclass(frozen=True, slots=True)
class _Array:
    """Where an array lies, and what it is."""

    source: Source
    member: zipfile.ZipInfo
    header: _Header

    def read(self) -> NDArray[Any]:
        """The array.

        Raises:
            BadFileError: it is damaged.
        """
        where, header = f"{self.source.name}: array {self.member.filename[:80]!r}", self.header
        with typed(BadFileError, "the array is damaged", where=where, hint=DAMAGED):
            stream = _Unpacked(self.source, self.member)
            stream.take(header.start)
            data = np.empty(header.nbytes, np.uint8)
            for at in range(0, data.size, _CHUNK):
                part = data[at : at + _CHUNK]
                part[:] = np.frombuffer(stream.take(part.size), np.uint8)
            if stream.checksum != self.member.CRC:
                raise BadFileError("the array is damaged (wrong checksum)", where=where, hint=DAMAGED)
            array = data.view(header.dtype).reshape(header.shape, order="F" if header.fortran else "C")
            return array.astype(header.dtype.newbyteorder("="), copy=False)


class _Unpacked:
    """The content of a member from its beginning on, unpacked as it is asked for: never more at once than that."""

    def __init__(self, source: Source, member: zipfile.ZipInfo) -> None:
        signature, name, extra = _LOCAL_HEADER.unpack(source.read(member.header_offset, _LOCAL_HEADER.size))
        if signature != b"PK\x03\x04":
            raise BadFileError("the archive gives a wrong offset", where=source.name, hint=DAMAGED)
        start = member.header_offset + _LOCAL_HEADER.size + name + extra
        self.checksum = 0
        self._pieces = _pieces(source, start, member.compress_size)
        self._inflate = zlib.decompressobj(-15) if member.compress_type == zipfile.ZIP_DEFLATED else None
        self._waiting = b""

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes.

        Raises:
            BadFileError: there are fewer. zlib.error: what is there is not compressed data.
        """
        parts: list[bytes] = []
        left = size
        while left:
            if not self._waiting:
                self._waiting = next(self._pieces, b"")
            if self._inflate is None:
                part, self._waiting = self._waiting[:left], self._waiting[left:]
            else:
                part = self._inflate.decompress(self._waiting, left)
                self._waiting = self._inflate.unconsumed_tail
            if not part and (not self._waiting or (self._inflate and self._inflate.eof)):
                raise BadFileError("the array ends too early", hint=DAMAGED)
            parts.append(part)
            left -= len(part)
        data = b"".join(parts)
        self.checksum = zlib.crc32(data, self.checksum)
        return data


def _pieces(source: Source, start: int, size: int) -> Iterator[bytes]:
    """Bytes of a source, little at first: most members are only looked at."""
    at, most = start, 4096
    while at < start + size:
        count = min(most, start + size - at)
        yield source.read(at, count)
        at, most = at + count, _CHUNK


class _Directory(io.RawIOBase):
    """A source as the seekable file that zipfile wants, which only reads the table of contents from it."""

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
            # what a file does; zipfile relies on it
            raise OSError("seek before the start")
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(self._source.size - self._at, 0)
        size = left if size < 0 else min(size, left)
        if size > MOST_DIRECTORY_BYTES:
            raise BadFileError(
                f"the table of contents has {size} bytes, more than {MOST_DIRECTORY_BYTES}",
                where=self._source.name,
                hint="Use fewer arrays",
            )
        data = self._source.read(self._at, size) if size else b""
        if data.count(b"PK\x01\x02") > 2 * MOST_ARRAYS:
            raise BadFileError(
                "the archive has too many members", where=self._source.name, hint=f"Use at most {MOST_ARRAYS} arrays"
            )
        self._at += size
        return data


READER = Reader("npz", (".npz",), lambda head: head[:4] in (b"PK\x03\x04", b"PK\x05\x06"), read)
