"""NumPy's .npy: one array, after a header that describes it. Pickled objects are refused."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.host.sources import Source
from playground.model.graph import Model, Tensor
from playground.model.readers._npy_header import checked_header
from playground.model.readers._reader import Reader


class _Head:
    """A file's bytes from the first one on."""

    def __init__(self, source: Source) -> None:
        self._source, self._at = source, 0

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        data = self._source.read(self._at, size)
        self._at += size
        return data


def read(source: Source) -> Model:
    """Read an .npy file: one tensor, named like the file.

    Raises:
        BadFileError: it is damaged, or its size is not the shape's.
        UnsupportedError: the array has Python objects, texts or records.
    """
    name = PurePath(source.name).stem or "array"
    header = checked_header(_Head(source), source.size, source.name)

    def values() -> NDArray[Any]:
        """The array, read when asked for."""
        return header.array(np.frombuffer(source.read(header.start, header.nbytes), np.uint8))

    return Model("npy", source.name, {name: Tensor(name, header.name, header.shape, header.nbytes, values)})


READER = Reader("npy", (".npy",), lambda head: head[:6] == b"\x93NUMPY", read)
