"""HDF5 files, whose structure pyfive follows within limits: it reads through a window that counts what it costs.

Groups and arrays are walked over once; values are read by ``_hdf5_values.py``, when they are asked for. Nothing here
relies on an ``assert`` in pyfive: in the page Python runs without.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pyfive.btree import BTreeV1Groups
from pyfive.core import UNDEFINED_ADDRESS
from pyfive.dataobjects import DataObjects
from pyfive.misc_low_level import GlobalHeap, Heap, SuperBlock, SymbolTable

from playground.errors import DAMAGED, BadFileError, UnsupportedError, plural, shown, typed
from playground.host.sources import Source
from playground.limits import MOST_HDF5_STEPS, MOST_JSON_DEPTH, MOST_NAME, MOST_TENSORS, memory_for
from playground.model.graph import Tensor
from playground.model.readers._hdf5_values import Description, array_at
from playground.model.readers._hdf5_window import AGAIN, Window

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ATTRIBUTE, _DATASPACE, _SHARED = 12, 1, 2
_DEEPEST_TREE = 8
"""Levels of a tree of links: each has some 20 entries, or more."""

_EXTERNAL = 64


class _Names(Heap):
    """The names of a group's links."""

    def get_object_name(self, offset: int) -> bytes:
        """One of them; pyfive would look for its end everywhere."""
        end = self.data.find(b"\0", offset, offset + MOST_NAME + 1)
        if end < 0:
            raise BadFileError(f"the name of a link has more than {MOST_NAME} bytes", hint=DAMAGED)
        return bytes(self.data[offset:end])


class _Object(DataObjects):
    """A header, without what pyfive has no limits for. What it lacks ends in NotImplementedError."""

    fh: Window

    @staticmethod
    def _decode_link_msg(data: bytes, offset: int) -> Any:
        kind = data[offset + 2] if data[offset + 1] & 8 else 0
        if kind == _EXTERNAL:
            raise UnsupportedError("the file has a link to another file", hint="Save everything in one file")
        if kind > 1:
            raise UnsupportedError(f"the file has a link of kind {kind}", hint=AGAIN)
        return DataObjects._decode_link_msg(data, offset)

    def _iter_links_btree_v1(self, btree_address: int, heap_address: int) -> Iterator[tuple[str, int | str]]:
        names = _Names(self.fh, heap_address)
        for address in BTreeV1Groups(self.fh, btree_address).symbol_table_addresses():
            table = SymbolTable(self.fh, address)
            for entry in table.entries:
                self.fh.charge(len(names.get_object_name(entry["link_name_offset"])) // 64)
            table.assign_name(names)
            yield from table.get_links(names).items()

    def _iter_links_btree_v2(self, *addresses: int) -> Iterator[tuple[str, int | str]]:
        for address in addresses[:2]:
            self._check_depth(address)
        yield from super()._iter_links_btree_v2(*addresses)

    def _get_attributes_from_attr_info(self, attrs: Any, attr_info: Any) -> Any:
        start = attr_info[0]["offset_to_message"]
        flags = self.msg_data[start + 1]
        trees = struct.unpack_from("<QQ", self.msg_data, start + 10 + 2 * (flags & 1))
        for address in trees[: 1 + bool(flags & 2)]:
            self._check_depth(address)
        return super()._get_attributes_from_attr_info(attrs, attr_info)

    def _check_depth(self, address: int | None) -> None:
        """Refuse a tree of many levels: pyfive works out sizes of nodes for each, of which the last are very large."""
        if address is not None and address != UNDEFINED_ADDRESS:
            self.fh.seek(address + 12)
            if struct.unpack("<H", self.fh.read(2))[0] > _DEEPEST_TREE:
                raise BadFileError(f"a tree has more than {_DEEPEST_TREE} levels", hint=DAMAGED)

    def _parse_attribute_msg(self, buffer: bytes, offset: int) -> Any:
        """Numbers and texts; other attributes are None."""
        version, flags, name_size = struct.unpack_from("<BBH", buffer, offset)
        padded = -(-name_size // 8) * 8 if version == 1 else name_size
        start = offset + (8 if version == 1 else 9)
        kind, bits = struct.unpack_from("<BB", buffer, start + padded)
        is_text = kind & 15 == 9 and bits & 15 == 1
        if flags & 3 or not (kind & 15 in (0, 1, 3) or is_text):
            return bytes(buffer[start : start + name_size]).rstrip(b"\0").decode(), None
        return super()._parse_attribute_msg(buffer, offset)

    def _attr_value(self, ptype: Any, buf: bytes, count: int, offset: int) -> Any:
        if count * ptype.dtype.itemsize > len(buf) - offset:
            raise BadFileError("an attribute is longer than its header", hint=DAMAGED)
        return super()._attr_value(ptype, buf, count, offset)

    def _vlen_size_and_data(self, buf: bytes, offset: int) -> tuple[int, bytes]:
        size, address, index = struct.unpack_from("<IQI", buf, offset)
        if not size:
            return 0, b""
        if address not in self._global_heaps:
            heap = GlobalHeap(self.fh, address)
            self.fh.charge(len(heap.heap_data) // 32)
            self._global_heaps[address] = _pieces(heap.heap_data)
        data: bytes = self._global_heaps[address][index]
        self.fh.charge(len(data) // 64)
        return size, data[:size]


def _pieces(heap: bytes) -> dict[int, bytes]:
    """Texts of attributes by their numbers: pyfive takes what is left at the end for one more, however short it is."""
    found, at = {}, 0
    while at + 16 <= len(heap):
        number, size = struct.unpack_from("<H6xQ", heap, at)
        if not number:
            break
        found[number] = heap[at + 16 : at + 16 + size]
        at += 16 + -(-size // 8) * 8
    return found


@dataclass(frozen=True, slots=True)
class Hdf5:
    """What is in a file.

    Attributes:
        arrays: those of numbers, by their path (``"layers/dense/vars/0"``), in the order of the file.
        groups: where the headers of the groups are, by their path; the outermost is ``""``.
        left_out: how many arrays are not of numbers.
    """

    arrays: Mapping[str, Tensor]
    groups: Mapping[str, int]
    left_out: int
    window: Window

    def attributes(self, path: str) -> dict[str, Any]:
        """What a group says besides: texts, numbers, and arrays of these; None where it is something else."""
        with _told(self.window.source.name):
            return _texts(_object_at(self.window, self.groups[path]).get_attributes())


def open_hdf5(source: Source) -> Hdf5:
    """Walk over a file.

    Raises:
        BadFileError: damaged, or larger than the limits. UnsupportedError: links to other files or to what is linked
            already, virtual arrays, values in other files, filters other than deflate, shuffle and checksums.
    """
    window = Window(source, MOST_HDF5_STEPS)
    with _told(source.name):
        superblock = SuperBlock(window, 0)
        if superblock._contents["base_address"]:
            raise UnsupportedError("the content does not start with the file", hint=AGAIN)
        arrays, groups, left_out = _walk(window, superblock.offset_to_dataobjects)
        _check_places(arrays, source)
    return Hdf5({each.tensor.name: each.tensor for each in arrays}, groups, left_out, window)


@contextmanager
def _told(where: str) -> Iterator[None]:
    """What pyfive raises, as errors of ours."""
    with (
        typed(BadFileError, "the HDF5 file cannot be read", where=where, hint=DAMAGED),
        # pyfive warns of attributes that it does not know
        warnings.catch_warnings(action="ignore"),
    ):
        try:
            yield
        except NotImplementedError as error:
            what = f"a part of HDF5 is not supported ({error or 'of newer versions'})"
            raise UnsupportedError(what, where=where, hint=AGAIN) from error


def _object_at(window: Window, address: int) -> _Object:
    """The header of a group or an array."""
    window.header = 0
    made = _Object(window, address)
    window.header = None
    window.charge(len(made.msgs))
    return made


def _walk(window: Window, root: int) -> tuple[list[Description], dict[str, int], int]:
    """All arrays, the places of all groups, and how many arrays are of something else than numbers."""
    arrays: list[Description] = []
    groups: dict[str, int] = {}
    waiting, seen, left_out = [("", root)], {root}, 0
    while waiting:
        path, address = waiting.pop()
        held = _object_at(window, address)
        if held.find_msg_type(_DATASPACE):
            if not path:
                raise BadFileError("the outermost object is not a group", hint=DAMAGED)
            made = array_at(held, path, window.source)
            left_out += made is None
            arrays += [made] if made else []
            if len(arrays) > MOST_TENSORS:
                raise BadFileError("the file has too many arrays", hint=f"Use at most {MOST_TENSORS}")
            continue
        groups[path] = address
        inside = [_link(path, name, target) for name, target in held.get_links().items()]
        for name, target in reversed(inside):
            if target in seen:
                raise UnsupportedError(f"{shown(name)} is linked to twice", hint=AGAIN)
            seen.add(target)
            waiting.append((name, target))
    return arrays, groups, left_out


def _link(path: str, name: str, target: int | str) -> tuple[str, int]:
    """The path of what a link leads to, and where that is."""
    whole = f"{path}/{name}" if path else name
    if not name or "/" in name or len(whole) > MOST_NAME or whole.count("/") > MOST_JSON_DEPTH:
        raise BadFileError(f"the name {shown(whole)} is not a valid path", hint=DAMAGED)
    if isinstance(target, str):
        raise UnsupportedError(f"{shown(whole)} is a link by name", hint=AGAIN)
    return whole, target


def _check_places(arrays: list[Description], source: Source) -> None:
    """Refuse arrays that lie over each other, or are larger together than the file can hold."""
    placed = sorted((each.place, each.place + each.tensor.nbytes, each.tensor.name) for each in arrays if each.place)
    for (_, end, _), (start, _, name) in pairwise(placed):
        if start < end:
            raise BadFileError(f"the values of {shown(name)} overlap those of another array", hint=DAMAGED)
    total = sum(each.tensor.nbytes for each in arrays)
    if total > memory_for(source.size):
        raise BadFileError(
            f"{plural(len(arrays), 'array')} take {total} bytes, more than 3 times the file and 64 MB",
            hint="Save them without compression",
        )


def _texts(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes whose bytes are texts, and whose arrays are lists."""
    return {name: _text(value.tolist() if hasattr(value, "tolist") else value) for name, value in attributes.items()}


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(each) for each in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
