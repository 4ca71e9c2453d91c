"""Arrays of an HDF5 file: what their headers say, held against the file, and their values."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyfive.btree import BTreeV1RawDataChunks
from pyfive.core import UNDEFINED_ADDRESS

from playground.errors import DAMAGED, BadFileError, UnsupportedError, plural, shown
from playground.host.sources import Source
from playground.limits import MOST_HDF5_CHUNKS, MOST_RANK, memory_for
from playground.model.element_types import BY_NAME, ElementType, real_values
from playground.model.graph import Tensor
from playground.model.readers._hdf5_window import AGAIN, Window

_DATATYPE, _OTHER_FILES, _LAYOUT, _FILTERS = 3, 7, 8, 11
"""Kinds of messages in a header; that of the values' shape is 1."""

_COMPACT, _CONTIGUOUS, _CHUNKED = 0, 1, 2
_DEFLATE, _SHUFFLE, _CHECKSUM = 1, 2, 3

_FLOATS: Mapping[tuple[int, int, int], str] = {
    **{(2, 5, 10): "float16", (4, 8, 23): "float32", (8, 11, 52): "float64", (2, 8, 7): "bfloat16"},
    **{(1, 4, 3): "float8_e4m3fn", (1, 5, 2): "float8_e5m2"},
}
"""By bytes, bits of the exponent and bits of the fraction."""


@dataclass(frozen=True, slots=True)
class Description:
    """An array of numbers; ``place`` is where its values lie if they lie together, else 0."""

    tensor: Tensor
    place: int


def array_at(held: Any, path: str, source: Source) -> Description | None:
    """The array that a header describes; None if it has no numbers.

    Raises:
        BadFileError: it contradicts itself or the file. UnsupportedError: its values are elsewhere, or were never
            written, or its filters are not known.
    """
    where = f"array {shown(path)}"
    if any(message["flags"] & 2 and message["type"] in (1, _DATATYPE, _LAYOUT, _FILTERS) for message in held.msgs):
        raise UnsupportedError("the type or shape is shared with another array", where=where, hint=AGAIN)
    if held.find_msg_type(_OTHER_FILES):
        raise UnsupportedError("the values are in another file", where=where, hint="Save everything in one file")
    shape, element = held.shape, _element(held)
    if shape is None or element is None:
        return None
    count = math.prod(shape)
    if len(shape) > MOST_RANK or count >= 2**62:
        raise BadFileError(f"the shape {shown(shape)} is too large", where=where, hint=DAMAGED)
    elements = _Elements(*element, shape)
    values, place = _stored(held, elements, source, where)
    made = Tensor(path, element[0].name, shape, elements.nbytes, _Values(elements, values).read)
    return Description(made, place)


def _element(held: Any) -> tuple[ElementType, bool] | None:
    """What one element is, and whether its bytes are in the other order; None of texts, records and the like."""
    start = held.find_msg_type(_DATATYPE)[0]["offset_to_message"]
    kind, bits, _, _, size = struct.unpack_from("<BBBBI", held.msg_data, start)
    if kind & 15 == 0 and size in (1, 2, 4, 8):
        _, precision = struct.unpack_from("<HH", held.msg_data, start + 8)
        name = f"{'' if bits & 8 else 'u'}int{8 * size}" if precision == 8 * size else ""
    elif kind & 15 == 1:
        _, _, _, exponent, _, fraction = struct.unpack_from("<HHBBBB", held.msg_data, start + 8)
        name = _FLOATS.get((size, exponent, fraction), "")
    else:
        # Keras has bytes that NumPy does not know, and an attribute that says what they are
        name = str(held.get_attributes().get("dtype", "")) if kind & 15 == 5 and size == 2 else ""
    element = BY_NAME.get(name)
    if element is None or element.bits != 8 * size:
        return None
    return element, bool(bits & 1) and kind & 15 != 5


@dataclass(frozen=True, slots=True)
class _Elements:
    """Elements of a type in a shape; ``swapped`` if the first byte of each is the highest."""

    element: ElementType
    swapped: bool
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of one."""
        return self.element.bits // 8

    @property
    def nbytes(self) -> int:
        """Bytes of all."""
        return math.prod(self.shape) * self.size


def _stored(held: Any, elements: _Elements, source: Source, where: str) -> tuple[_Whole | _Chunks | bytes, int]:
    """Where the values are: bytes in the header, one run of bytes and its start, or chunks."""
    start = held.find_msg_type(_LAYOUT)[0]["offset_to_message"]
    version, *classes = struct.unpack_from("<BBB", held.msg_data, start)
    kind = classes[0 if version in (3, 4) else 1]
    if kind not in (_COMPACT, _CONTIGUOUS, _CHUNKED) or (version == 4 and kind == _CHUNKED) or not 1 <= version <= 4:
        what = "the values are those of other arrays" if kind == 3 else f"its layout is {kind} of version {version}"
        raise UnsupportedError(what, where=where, hint=AGAIN)
    if kind == _COMPACT:
        if version < 3:
            raise UnsupportedError("the values are in an old kind of header", where=where, hint=AGAIN)
        (size,) = struct.unpack_from("<H", held.msg_data, start + 2)
        data = bytes(held.msg_data[start + 4 : start + 4 + size])
        if len(data) != elements.nbytes:
            raise BadFileError(f"{len(data)} bytes cannot hold {elements.nbytes}", where=where, hint=DAMAGED)
        return data, 0
    if kind == _CHUNKED:
        return _Chunks.described(held, elements, source, where), 0
    (address,) = struct.unpack_from("<Q", held.msg_data, start + (2 if version >= 3 else 8))
    if not elements.nbytes:
        return b"", 0
    if address == UNDEFINED_ADDRESS:
        raise UnsupportedError("the values were never written", where=where, hint=AGAIN)
    if address + elements.nbytes > source.size:
        what = f"{plural(elements.nbytes, 'byte')} at {address} are not inside the file"
        raise BadFileError(what, where=where, hint=DAMAGED)
    return _Whole(source, address, elements.nbytes), address


@dataclass(frozen=True, slots=True)
class _Values:
    """Reads an array."""

    elements: _Elements
    stored: _Whole | _Chunks | bytes

    def read(self) -> NDArray[Any]:
        """The values. BadFileError: they are damaged."""
        kind = self.elements
        data = self.stored if isinstance(self.stored, bytes) else self.stored.read()
        if kind.swapped:
            data = np.frombuffer(data, f"u{kind.size}").byteswap().tobytes()
        return real_values(kind.element, data, kind.shape)


@dataclass(frozen=True, slots=True)
class _Whole:
    """A run of bytes of the file."""

    source: Source
    start: int
    count: int

    def read(self) -> bytes:
        """The bytes."""
        return self.source.read(self.start, self.count)


@dataclass(frozen=True, slots=True)
class _Chunks:
    """Pieces of an array, each of them packed; ``filters`` are in the order in which they were applied."""

    source: Source
    elements: _Elements
    tree: int
    chunk: tuple[int, ...]
    filters: tuple[int, ...]
    where: str

    @classmethod
    def described(cls, held: Any, elements: _Elements, source: Source, where: str) -> _Chunks:
        """Check what a header says of them, before anything is read."""
        chunk = tuple(held.chunks)
        filters = tuple(entry["filter_id"] for entry in held.filter_pipeline or ())
        unknown = sorted(set(filters) - {_DEFLATE, _SHUFFLE, _CHECKSUM})
        if unknown or len(filters) > 3:
            raise UnsupportedError(
                f"the filters are {list(filters)}; 1 to 3 are known: deflate, shuffle, a checksum",
                where=where,
                hint=AGAIN,
            )
        if len(chunk) != len(elements.shape) or 0 in chunk:
            raise BadFileError(f"chunks of {chunk} do not fit the shape {elements.shape}", where=where, hint=DAMAGED)
        made = cls(source, elements, held._chunk_address, chunk, filters, where)
        if made.count > MOST_HDF5_CHUNKS or made.count * made.nbytes > memory_for(source.size):
            what = f"{made.count} chunks of {made.nbytes} bytes take more than 3 times the file and 64 MB"
            raise BadFileError(what, where=where, hint="Save it without compression")
        if made.count and made.tree == UNDEFINED_ADDRESS:
            raise UnsupportedError("the values were never written", where=where, hint=AGAIN)
        return made

    @property
    def count(self) -> int:
        """How many chunks there are."""
        return math.prod(-(-size // piece) for size, piece in zip(self.elements.shape, self.chunk, strict=True))

    @property
    def nbytes(self) -> int:
        """Bytes of one chunk, unpacked; those at the ends are as large as the others."""
        return math.prod(self.chunk) * self.elements.size

    def read(self) -> bytes:
        """The bytes of the array. BadFileError: chunks are missing, or damaged."""
        if not self.count:
            return b""
        made = np.empty(self.elements.shape, f"V{self.elements.size}")
        places = self._places()
        if len(places) != self.count:
            what = f"{len(places)} of {self.count} chunks are there"
            raise UnsupportedError(what, where=self.where, hint="Write all values")
        for start, (address, size, skipped) in places.items():
            data = self._unpacked(self.source.read(address, size), skipped)
            whole = np.frombuffer(data, made.dtype).reshape(self.chunk)
            inside = tuple(slice(at, at + piece) for at, piece in zip(start, self.chunk, strict=True))
            part = made[inside]
            part[...] = whole[tuple(slice(0, size) for size in part.shape)]
        return made.tobytes()

    def _places(self) -> dict[tuple[int, ...], tuple[int, int, int]]:
        """Where each chunk lies, its bytes there, and which filters were left out, by its first element."""
        dims = len(self.chunk) + 1
        steps = 1000 + 4 * self.count * (24 + 8 * dims) // 64
        tree = BTreeV1RawDataChunks(Window(self.source, steps), self.tree, dims)
        found = {}
        for node in tree.all_nodes[0]:
            for key, address in zip(node["keys"], node["addresses"], strict=True):
                start = key["chunk_offset"][:-1]
                if any(
                    at % piece or at >= size
                    for at, piece, size in zip(start, self.chunk, self.elements.shape, strict=True)
                ):
                    raise BadFileError(f"no chunk starts at {start}", where=self.where, hint=DAMAGED)
                found[start] = (address, key["chunk_size"], key["filter_mask"])
        return found

    def _unpacked(self, data: bytes, skipped: int) -> bytes:
        for number in reversed(range(len(self.filters))):
            if skipped >> number & 1:
                continue
            if self.filters[number] == _DEFLATE:
                # a checksum may lie before what was packed
                data = zlib.decompressobj().decompress(data, self.nbytes + 4)
            elif self.filters[number] == _SHUFFLE:
                data = _unshuffled(data, self.elements.size)
            else:
                data = _checked(data, self.where)
        if len(data) != self.nbytes:
            raise BadFileError(
                f"a chunk has {len(data)} bytes in place of {self.nbytes}", where=self.where, hint=DAMAGED
            )
        return data


def _unshuffled(data: bytes, size: int) -> bytes:
    """Elements from their first bytes, their second bytes and so on; what is left behind them stays."""
    whole = len(data) - len(data) % size
    return np.frombuffer(data[:whole], np.uint8).reshape(size, -1).T.tobytes() + data[whole:]


def _checked(data: bytes, where: str) -> bytes:
    """Bytes without Fletcher's checksum, which lies behind them. BadFileError: it is another one."""
    held, told = data[:-4], data[-4:]
    words = np.frombuffer(held + b"\0" * (len(held) % 2), ">u2").astype(np.uint64)
    weights = np.arange(len(words), 0, -1, dtype=np.uint64) % 65535
    sums = [int(words.sum()) % 65535, int((words * weights % 65535).sum()) % 65535]
    if [part % 65535 for part in struct.unpack("<HH", told)] != sums:
        raise BadFileError("a chunk is damaged (wrong checksum)", where=where, hint=DAMAGED)
    return held
