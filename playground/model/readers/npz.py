"""NumPy's .npz: a zip archive of .npy files. Pickled objects are refused."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import DAMAGED, BadFileError, UnsupportedError, typed
from playground.host.sources import Source
from playground.limits import MOST_ARRAYS, MOST_NAME, memory_for
from playground.model.graph import Model, Tensor
from playground.model.readers._npy_header import NpyHeader, checked_header
from playground.model.readers._reader import Reader
from playground.model.readers._zip import Unpacked, check_member, first_name, members_of

_CHUNK = 1 << 20


def read(source: Source) -> Model:
    """Read an .npz file: tensors only, each decompressed when it is asked for.

    Raises:
        BadFileError: no zip archive, a damaged one, or a member whose header disagrees with its size.
        UnsupportedError: a zip archive of something else, or arrays of Python objects.
    """
    members = [member for member in members_of(source) if member.filename.endswith(".npy")]
    if not members:
        raise UnsupportedError("the zip archive has no .npy files", where=source.name, hint="Use a file of numpy.savez")
    if len(members) > MOST_ARRAYS:
        raise BadFileError(f"the file has {len(members)} arrays", where=source.name, hint=f"Use at most {MOST_ARRAYS}")
    for member in members:
        check_member(member, f"{source.name}: array {member.filename[:80]!r}", "Use numpy.savez")
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
    with typed(BadFileError, "the .npy header cannot be read", where=where, hint=DAMAGED):
        stream = Unpacked(source, member)
    header = checked_header(stream, member.file_size, where)
    return Tensor(name, header.name, header.shape, header.nbytes, _Array(source, member, header).read)


@dataclass(frozen=True, slots=True)
class _Array:
    """Where an array lies, and what it is."""

    source: Source
    member: zipfile.ZipInfo
    header: NpyHeader

    def read(self) -> NDArray[Any]:
        """The array.

        Raises:
            BadFileError: it is damaged.
        """
        where, header = f"{self.source.name}: array {self.member.filename[:80]!r}", self.header
        with typed(BadFileError, "the array is damaged", where=where, hint=DAMAGED):
            stream = Unpacked(self.source, self.member)
            stream.take(header.start)
            data = np.empty(header.nbytes, np.uint8)
            for at in range(0, data.size, _CHUNK):
                part = data[at : at + _CHUNK]
                part[:] = np.frombuffer(stream.take(part.size), np.uint8)
            if stream.checksum != self.member.CRC:
                raise BadFileError("the array is damaged (wrong checksum)", where=where, hint=DAMAGED)
            return header.array(data)


def _signature(head: bytes) -> bool:
    return first_name(head).endswith(".npy")


READER = Reader("npz", (".npz",), _signature, read)
