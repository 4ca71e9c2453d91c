"""What an .npy file says about itself: in a file of its own, and as a member of an .npz."""

from __future__ import annotations

import io
import math
import struct
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from playground.errors import DAMAGED, BadFileError, UnsupportedError, typed
from playground.limits import MOST_JSON_DEPTH, MOST_NPY_HEADER, MOST_RANK
from playground.model.element_types import BY_NAME


class Stream(Protocol):
    """Bytes that are taken one after the other."""

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes; BadFileError if there are fewer."""
        ...


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """Element type, shape and order of an array; ``start`` is the offset of its first value."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    start: int

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def name(self) -> str:
        """NumPy's name of the element type, whatever the order of its bytes."""
        return self.dtype.newbyteorder("=").name

    def array(self, data: NDArray[np.uint8]) -> NDArray[Any]:
        """The array that ``data``, uint8 of ``nbytes``, holds, in this machine's order of bytes."""
        array = data.view(self.dtype).reshape(self.shape, order="F" if self.fortran else "C")
        return array.astype(self.dtype.newbyteorder("="), copy=False)


def checked_header(stream: Stream, size: int, where: str) -> NpyHeader:
    """The header of an .npy file of ``size`` bytes.

    Raises:
        BadFileError: it is damaged, or disagrees with the size. UnsupportedError: the array has no numbers.
    """
    with typed(BadFileError, "the .npy header cannot be read", where=where, hint=DAMAGED):
        header = _header(stream, where)
    found, needed = size - header.start, header.nbytes
    if found != needed:
        raise BadFileError(
            f"{found} bytes do not fill the shape {list(header.shape)}, which needs {needed}", where=where, hint=DAMAGED
        )
    if header.name not in BY_NAME:
        raise UnsupportedError(f"arrays of {header.dtype} are not tensors", where=where, hint="Save numbers")
    return header


def _header(stream: Stream, where: str) -> NpyHeader:
    """The header, read by NumPy's own parser of literals once its size and its nesting are known."""
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
    return NpyHeader(dtype, shape, fortran, len(start) + len(prefix) + size)
