"""Zip archives read by ranges: the table of contents first, members when they are asked for."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

from playground.errors import DAMAGED, BadFileError, UnsupportedError, shown, typed
from playground.host.sources import Source
from playground.limits import MOST_ARRAYS, MOST_DIRECTORY_BYTES

MAX_DEFLATE_RATIO = 1032
"""No stream of deflate grows more than this: a member that says so lies about its size."""

_ENCRYPTED, _UTF8 = 0x1, 0x800
"""Bits of a member's flags."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What NumPy and PyTorch write."""

_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""Signature, and the sizes of the name and of the extra field behind the header."""

_CHUNK = 1 << 20


def is_zip(head: bytes) -> bool:
    """Whether a file's first bytes are those of a zip archive."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def first_name(head: bytes) -> str:
    """The name of an archive's first member, as far as it is among the file's first bytes; empty if there is none."""
    if head[:4] != b"PK\x03\x04" or len(head) < 30:
        return ""
    return head[30 : 30 + int.from_bytes(head[26:28], "little")].decode("utf-8", "replace")


def members_of(source: Source) -> list[zipfile.ZipInfo]:
    """The members, as the table of contents has them.

    Raises:
        BadFileError: it is damaged, or larger than the limit; members lie over each other.
    """
    with (
        typed(BadFileError, "the file is not a readable zip archive", where=source.name, hint=DAMAGED),
        zipfile.ZipFile(_Directory(source)) as archive,
    ):
        members, end = archive.infolist(), 0
        for member in sorted(members, key=lambda member: (member.header_offset, member.compress_size)):
            if member.header_offset < end:
                raise BadFileError(
                    f"file {shown(member.filename)} of the archive overlaps the one before it",
                    where=source.name,
                    hint=DAMAGED,
                )
            end = member.header_offset + _LOCAL_HEADER.size + len(_stored_name(member)) + member.compress_size
        if end > archive.start_dir:
            raise BadFileError("a file of the archive overlaps its contents", where=source.name, hint=DAMAGED)
        return members


def _stored_name(member: zipfile.ZipInfo) -> bytes:
    """A member's name as the table of contents has it."""
    return member.orig_filename.encode("utf-8" if member.flag_bits & _UTF8 else "cp437", "replace")


def members_by_name(source: Source) -> dict[str, zipfile.ZipInfo]:
    """The members by name. BadFileError: as :func:`members_of`, or two have one name."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in members_of(source):
        if member.filename in members:
            raise BadFileError(f"the archive has two files {shown(member.filename)}", where=source.name, hint=DAMAGED)
        members[member.filename] = member
    return members


def check_member(member: zipfile.ZipInfo, where: str, hint: str) -> None:
    """Refuse a member that is encrypted, compressed by an unusual method, or larger than deflate can make it.

    Raises:
        UnsupportedError: with ``hint``. BadFileError: its size is a lie.
    """
    if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
        raise UnsupportedError(
            "the content is encrypted, or compressed by a method other than deflate", where=where, hint=hint
        )
    if member.file_size > MAX_DEFLATE_RATIO * (member.compress_size + 64):
        raise BadFileError(
            f"{member.compress_size} compressed bytes cannot hold {member.file_size}", where=where, hint=DAMAGED
        )


def content_at(source: Source, member: zipfile.ZipInfo) -> int:
    """The offset of a member's first byte, behind its name. BadFileError: the archive is damaged."""
    signature, name, extra = _LOCAL_HEADER.unpack(source.read(member.header_offset, _LOCAL_HEADER.size))
    if signature != b"PK\x03\x04":
        raise BadFileError("the archive gives a wrong offset", where=source.name, hint=DAMAGED)
    if source.read(member.header_offset + _LOCAL_HEADER.size, int(name)) != _stored_name(member):
        raise BadFileError(
            f"file {shown(member.filename)} of the archive has another name where it lies",
            where=source.name,
            hint=DAMAGED,
        )
    return member.header_offset + _LOCAL_HEADER.size + int(name) + int(extra)


class Unpacked:
    """The content of a member from its beginning on, unpacked as it is asked for: never more at once than that."""

    def __init__(self, source: Source, member: zipfile.ZipInfo) -> None:
        """Stand at its first byte."""
        self.checksum = 0
        self._pieces = _pieces(source, content_at(source, member), member.compress_size)
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
