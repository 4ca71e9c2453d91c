"""What a font says of itself: its family, version and licence, from the ``name`` table of a WOFF file."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from tools.steps import BuildError

FAMILY, VERSION, LICENCE_ADDRESS = 1, 5, 14
"""Ids in the table (OpenType, "name")."""

_UNICODE, _WINDOWS = 0, 3
_HEADER, _ENTRY, _RECORD = 44, 20, 12


def names(path: Path) -> dict[int, str]:
    """Name id -> text.

    Raises:
        BuildError: it is not a WOFF file, or it has no such table.
    """
    font = path.read_bytes()
    if font[:4] != b"wOFF":
        raise BuildError(f"{path.name} is not a WOFF file.")
    (tables,) = struct.unpack_from(">H", font, 12)
    for i in range(tables):
        tag, offset, packed, size = struct.unpack_from(">4sIII", font, _HEADER + i * _ENTRY)
        if tag == b"name":
            content = font[offset : offset + packed]
            return _records(zlib.decompress(content) if packed < size else content)
    raise BuildError(f"{path.name} does not say which font it is.")


def _records(table: bytes) -> dict[int, str]:
    _, count, start = struct.unpack_from(">HHH", table)
    found = {}
    for i in range(count):
        platform, _, _, name, length, offset = struct.unpack_from(">6H", table, 6 + i * _RECORD)
        raw = table[start + offset : start + offset + length]
        found[name] = raw.decode("utf-16-be" if platform in (_UNICODE, _WINDOWS) else "latin-1")
    return found
