"""A small copy of an ONNX file: the fields that the reader needs, without the values of tensors.

Protobuf turns a whole file into objects before anything can be checked: 2 bytes become a message of 200, a list of
small numbers takes eight times its size, and a model of 500 MB is in memory twice. So the file is walked first, along
the fields that the reader needs. Sizes, nesting and the memory that protobuf will take are compared with the limits on
the way; values of tensors stay in the file, and ``TensorProto.segment`` of the copy has their offset (ONNX files do not
use this field, which is meant for streams). Protobuf then parses the copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from playground.errors import BadFileError
from playground.host.sources import Source
from playground.limits import MOST_FIELDS, MOST_GRAPH_DEPTH, MOST_NAME, MOST_PIECE, memory_for
from playground.model.readers._onnx_fields import COPY, FIELDS, MESSAGE_BYTES, NAME, Kind

IN_PLACE = 1024
"""Values of at most this many bytes stay in the copy, which saves a read for each small constant."""

_WINDOW = 1 << 20
_RUN = 1 << 14
"""Bytes of fields that are copied at once, in messages larger than that: one by one takes three times as long."""

_COPIES = 3
"""How many copies of a byte are in memory at once: in two joins and in protobuf."""

_FIELD_BYTES = 110
"""Memory of a field in protobuf and Python: most are short texts."""

_LIST_BYTES = 24
"""Memory for a byte of a list of numbers, in protobuf and Python: 2 bytes can be an object of 32 and two pointers."""

_LEVELS = 3
"""Messages from a graph to a graph inside it: node, attribute, graph."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SEGMENT = b"\x1a"


@dataclass(frozen=True, slots=True)
class Outline:
    """The result of :func:`outline`.

    Attributes:
        model: a serialized ``ModelProto``.
        bulk: offset in the file -> number of the field of ``TensorProto`` whose content begins there, and its size.
    """

    model: bytes
    bulk: Mapping[int, tuple[int, int]]


def outline(source: Source, held: int = 0) -> Outline:
    """Walk a file.

    Args:
        source: the file.
        held: bytes of the file that are in memory already.

    Raises:
        BadFileError: the file is not a protobuf message, or exceeds a limit.
    """
    walk = _Walk(source, memory_for(source.size) - held)
    return Outline(walk.message("model", 0, source.size, 0), walk.bulk)


class _Walk:
    """One walk through a file. Offsets are those of the file; ``_data`` is the part of it that begins at ``_base``."""

    def __init__(self, source: Source, memory: int) -> None:
        self.bulk: dict[int, tuple[int, int]] = {}
        self._source, self._memory = source, memory
        self._data, self._base = b"", 0
        self._fields = 0

    def message(self, kind: str, start: int, end: int, depth: int) -> bytes:
        """The part of the message from ``start`` to ``end`` that is kept."""
        self._spend(MESSAGE_BYTES.get(kind, 200))
        if kind == "graph" and depth > _LEVELS * MOST_GRAPH_DEPTH + 1:
            raise self._error(f"graphs are nested more than {MOST_GRAPH_DEPTH} deep")
        if end - start <= _WINDOW:
            at = self._reach(start, end - start)
            return self._small(kind, at, at + end - start, depth)
        fields = FIELDS[kind]
        kept: list[bytes] = []
        at = run = start
        count = 0
        while at < end:
            head = self._reach(at, min(20, end - at))
            number, wire, content, stop = self._field(head)
            content, stop = content + at - head, stop + at - head
            if stop > end:
                raise self._error("a message is longer than the message that has it")
            count += 1
            found = fields.get(number)
            if found is None:
                made: bytes | None = b""
            else:
                made = self._kept(found, number, content, stop, depth) if wire == _BYTES else found.otherwise()
            if made is not None or stop - run > _RUN:
                kept.append(self._whole(run, at))
                self._count(count)
                kept.append(self._whole(at, stop) if made is None else made)
                run, count = stop, 0
            at = stop
        self._count(count)
        kept.append(self._whole(run, end))
        return b"".join(kept)

    def _small(self, kind: str, at: int, end: int, depth: int) -> bytes:
        """The same for what is in ``_data``, at these offsets in it. Runs of fields that are copied stay together."""
        fields, data, base = FIELDS[kind], self._data, self._base
        kept: list[bytes] = []
        run = at
        count = 0
        while at < end:
            begin = at
            tag, size = data[at], data[at + 1] if at + 1 < end else 128
            if tag < 128 and tag & 7 == _BYTES and size < 128:
                # what nearly all fields are: a call of _field would double the time
                number, wire, content, at = tag >> 3, _BYTES, at + 2, at + 2 + size
            else:
                number, wire, content, at = self._field(begin)
            if at > end:
                raise self._error("a message is longer than the message that has it")
            count += 1
            found = fields.get(number)
            if found is COPY:
                continue
            if found is NAME and wire == _BYTES and at - content <= MOST_NAME:
                # protobuf hands out bytes where a name is not UTF-8
                data[content:at].decode()
                continue
            if found is None:
                made: bytes | None = b""
            elif wire == _BYTES:
                made = self._kept(found, number, base + content, base + at, depth)
            else:
                made = found.otherwise()
            if made is not None:
                kept.append(data[run:begin])
                kept.append(made)
                run = at
        self._count(count)
        if not kept:
            self._spend(_COPIES * (end - run))
            return data[run:end]
        kept.append(data[run:end])
        self._spend(_COPIES * sum(map(len, kept)))
        return b"".join(kept)

    def _kept(self, found: Kind, number: int, content: int, stop: int, depth: int) -> bytes | None:
        """What stands for a field of bytes in the copy; None: the field as it is."""
        if found.message:
            body = self.message(found.message, content, stop, depth + 1)
            return b"".join((_varint(number << 3 | _BYTES), _varint(len(body)), body))
        if found.name:
            if stop - content > MOST_NAME:
                raise self._error(f"a name of {stop - content} bytes is longer than {MOST_NAME}")
            at = self._reach(content, stop - content)
            self._data[at : at + stop - content].decode()
        if found.marked:
            return b"".join((_varint(number << 3 | _BYTES), b"\0"))
        if found.bulk and stop - content > IN_PLACE:
            self.bulk[content] = number, stop - content
            place = b"".join((b"\x08", _varint(content), b"\x10", _varint(stop)))
            return b"".join((_SEGMENT, _varint(len(place)), place))
        if found.numbers:
            self._spend(_LIST_BYTES * (stop - content))
        return None

    def _whole(self, start: int, stop: int) -> bytes:
        if start == stop:
            return b""  # nothing is read for it: what is in memory may be far behind a tensor by now
        if stop - start > MOST_PIECE:
            raise self._error(f"a text or list of {stop - start} bytes is longer than {MOST_PIECE}")
        self._spend(_COPIES * (stop - start))
        at = self._reach(start, stop - start)
        return self._data[at : at + stop - start]

    def _field(self, at: int) -> tuple[int, int, int, int]:
        """The field at an offset in ``_data``: its number, its wire type, where its content begins and ends."""
        data = self._data
        tag = data[at]
        at += 1
        if tag > 127:
            tag, at = self._number(at - 1)
        wire = tag & 7
        if wire == _BYTES:
            size = data[at]
            at += 1
            if size > 127:
                size, at = self._number(at - 1)
            return tag >> 3, wire, at, at + size
        if wire == _VARINT:
            return tag >> 3, wire, at, self._number(at)[1]
        if wire in (_FIXED32, _FIXED64):
            return tag >> 3, wire, at, at + (4 if wire == _FIXED32 else 8)
        raise self._error("the file is not a protobuf message")

    def _number(self, at: int) -> tuple[int, int]:
        """The varint at an offset in ``_data``, and where it ends."""
        value = shift = 0
        while shift < 70:
            octet = self._data[at]
            at += 1
            value |= (octet & 127) << shift
            if octet < 128:
                return value, at
            shift += 7
        raise self._error("the file is not a protobuf message")

    def _reach(self, start: int, size: int) -> int:
        """Have ``size`` bytes from ``start`` on in ``_data``; their offset in it."""
        if not self._base <= start <= start + size <= self._base + len(self._data):
            self._data = self._source.read(start, min(max(size, _WINDOW), self._source.size - start))
            self._base = start
        return start - self._base

    def _count(self, fields: int) -> None:
        self._fields += fields
        if self._fields > MOST_FIELDS:
            raise self._error(f"the file has more than {MOST_FIELDS} fields besides the values of tensors")
        self._spend(_FIELD_BYTES * fields)

    def _spend(self, nbytes: int) -> None:
        self._memory -= nbytes
        if self._memory < 0:
            raise self._error("reading needs more memory than 3 times the file and 64 MB")

    def _error(self, what: str) -> BadFileError:
        return BadFileError(
            what, where=self._source.name, hint="Use another file: this one is damaged, or not an ONNX model"
        )


def _varint(value: int) -> bytes:
    if value < 128:
        return bytes((value,))
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)
