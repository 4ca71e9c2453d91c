"""What the reader of .gguf files does: metadata and places of tensors first, values when they are asked for."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import DAMAGED, BadFileError, UnsupportedError, plural
from playground.host.sources import Source, beside
from playground.limits import MOST_NAME, MOST_PARTS, MOST_RANK, MOST_TENSORS
from playground.model.element_types import BY_NAME, decode
from playground.model.graph import Model, NoGraph, Tensor
from playground.model.readers._gguf_blocks import BLOCK_TYPES, BlockType
from playground.model.readers._gguf_metadata import Cursor, Entry, text_of, values_of

TYPES = {
    **{0: "float32", 1: "float16", 28: "float64", 30: "bfloat16", 24: "int8", 25: "int16", 26: "int32", 27: "int64"},
    **{2: "q4_0", 3: "q4_1", 6: "q5_0", 7: "q5_1", 8: "q8_0", 9: "q8_1"},
    **{10: "q2_k", 11: "q3_k", 12: "q4_k", 13: "q5_k", 14: "q6_k", 15: "q8_k"},
    **{16: "iq2_xxs", 17: "iq2_xs", 18: "iq3_xxs", 19: "iq1_s", 20: "iq4_nl", 21: "iq3_s", 22: "iq2_s", 23: "iq4_xs"},
    **{29: "iq1_m", 34: "tq1_0", 35: "tq2_0", 39: "mxfp4", 40: "nvfp4", 41: "q1_0", 42: "q2_0"},
}
"""ggml's number of a type (``enum ggml_type``) -> its name here."""

_REMOVED = {4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 36: "IQ4_NL_4_4"} | {
    37: "IQ4_NL_4_8",
    38: "IQ4_NL_8_8",
}
"""Types that ggml has given up."""

_PART = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf", re.DOTALL)
"""The name of one of several files: its number begins with 1."""

_ALIGNMENT = 32
_PIECE = 1 << 18
"""Values that are decoded at a time."""

NO_GRAPH = NoGraph("a .gguf file has tensors but no graph", "Use an ONNX model of it to run it")


@dataclass(frozen=True, slots=True)
class _Part:
    """One file: its metadata, as they are, where they lie, and as texts; its tensors, and the bytes behind them."""

    values: dict[str, Any]
    entries: dict[str, Entry]
    metadata: dict[str, str]
    tensors: dict[str, Tensor]
    left: int


def read(source: Source) -> Model:
    """Read a .gguf file, and those beside it where it is one of several: tensors only.

    Raises:
        BadFileError: damaged or truncated; tensors overlap, leave gaps, or are not aligned; a name stands twice.
        UnsupportedError: an old version, big-endian numbers, or a type that ggml has given up.
    """
    first = _read_part(source)
    count = _whole(first, "split.count", source, 1)
    if not 0 <= count <= MOST_PARTS:
        raise BadFileError(
            f"the model is split into {count} files", where=source.name, hint=f"Use at most {MOST_PARTS}"
        )
    parts, notes = [first], []
    if count > 1:
        parts, missing = _other_parts(first, count, source)
        notes = _about_parts(parts, missing, count, source)
    tensors: dict[str, Tensor] = {}
    for part in parts:
        for name, tensor in part.tensors.items():
            if name in tensors:
                raise BadFileError(
                    f"tensor {name[:80]!r} is in two of the files",
                    where=source.name,
                    hint="Put the parts of one model into a folder of their own",
                )
            tensors[name] = tensor
    if len(tensors) > MOST_TENSORS:
        raise BadFileError(
            f"the files have {len(tensors)} tensors", where=source.name, hint=f"Use at most {MOST_TENSORS}"
        )
    if left := sum(part.left for part in parts):
        notes.append(f"{plural(left, 'byte')} after the last tensor {'is' if left == 1 else 'are'} not read.")
    stored = {key: entry.read for key, entry in parts[0].entries.items()}
    return Model(
        *("gguf", source.name, tensors, None, parts[0].metadata, tuple(notes), NO_GRAPH), stored_metadata=stored
    )


def _whole(part: _Part, key: str, source: Source, default: int) -> int:
    value = part.values.get(key, default)
    if type(value) is not int:
        raise BadFileError(f"{key} is not a whole number", where=source.name, hint=DAMAGED)
    return value


def _other_parts(first: _Part, count: int, source: Source) -> tuple[list[_Part], list[str]]:
    """The parts that are there, the one with the metadata first, and the names of those that are not."""
    number = _whole(first, "split.no", source, 0)
    named = _PART.fullmatch(source.name)
    if named is None or not 0 <= number < count:
        stem = source.name.removesuffix(".gguf")
        return [first], [f"{stem}-{other + 1:05}-of-{count:05}.gguf" for other in range(count) if other != number]
    found, missing = {number: first}, []
    for other in range(count):
        name = f"{named[1]}-{other + 1:05}-of-{count:05}.gguf"
        if other == number:
            continue
        held = beside(source, name)
        if held is None:
            missing.append(name)
            continue
        part = _read_part(held)
        if _whole(part, "split.no", held, -1) != other or _whole(part, "split.count", held, 0) != count:
            raise BadFileError(
                f"the file is not part {other + 1} of {count} as its name says",
                where=held.name,
                hint="Put the parts of one model into a folder of their own, under their first names",
            )
        found[other] = part
    return [found[other] for other in sorted(found)], missing


def _about_parts(parts: list[_Part], missing: list[str], count: int, source: Source) -> list[str]:
    stated = _whole(parts[0], "split.tensors.count", source, -1)
    have = sum(len(part.tensors) for part in parts)
    if missing:
        of = f" of {stated}" if stated >= 0 else ""
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        return [
            f"The model is split into {count} files, of which {len(missing)} {'is' if len(missing) == 1 else 'are'} "
            f"missing ({shown}): {have}{of} tensors are here. Put all files into one folder, or open them together."
        ]
    if stated not in (-1, have):
        raise BadFileError(
            f"the {count} files have {have} tensors together, and the first says {stated}",
            where=source.name,
            hint="Put the parts of one model into a folder of their own",
        )
    return [f"The model is in {count} files."]


def _read_part(source: Source) -> _Part:
    cursor = Cursor(source)
    if cursor.take(4) != b"GGUF":
        raise BadFileError("the file does not begin with GGUF", where=source.name, hint=DAMAGED)
    version = cursor.number("<I")
    if version not in (2, 3):
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in (1, 2, 3)
        what = "the numbers are big-endian" if swapped else f"version {version} of the format is not read"
        hint = "Convert it with gguf's gguf_convert_endian" if swapped else "Convert it with llama.cpp to version 3"
        raise UnsupportedError(what, where=source.name, hint=hint)
    tensor_count, entry_count = cursor.number("<Q"), cursor.number("<Q")
    if tensor_count > MOST_TENSORS:
        raise BadFileError(
            f"the file has {tensor_count} tensors", where=source.name, hint=f"Use at most {MOST_TENSORS}"
        )
    values, entries = values_of(cursor, entry_count)
    alignment = values.get("general.alignment", _ALIGNMENT)
    if type(alignment) is not int or not 0 < alignment <= 1 << 20 or alignment & (alignment - 1):
        raise BadFileError(
            f"general.alignment is {alignment!r:.80}, not a power of two", where=source.name, hint=DAMAGED
        )
    infos = list(_infos(cursor, tensor_count))
    start = _aligned(cursor.at, alignment)
    end = _end_of(infos, start, alignment, source)
    tensors: dict[str, Tensor] = {}
    for info in infos:
        if info.name in tensors:
            raise BadFileError(f"two tensors have the name {info.name[:80]!r}", where=source.name, hint=DAMAGED)
        tensors[info.name] = info.tensor(source, start)
    texts = {key: text_of(value) for key, value in values.items()}
    return _Part(values, entries, texts, tensors, max(0, source.size - start - end) if infos else 0)


def _end_of(infos: list[_Info], start: int, alignment: int, source: Source) -> int:
    """Where the last tensor ends, counted from the first byte of the first one, which is at ``start``.

    Raises:
        BadFileError: tensors overlap or leave gaps, or the file ends before.
    """
    end = 0
    for info in sorted(infos, key=lambda info: (info.offset, info.nbytes)):
        if info.offset != end:
            what = "overlaps the tensor before it" if info.offset < end else "leaves a gap before it"
            raise BadFileError(
                f"tensor {info.name[:80]!r} {what}: it begins at byte {info.offset} in place of {end}",
                where=source.name,
                hint=DAMAGED,
            )
        last = info.offset + info.nbytes
        end = _aligned(last, alignment)
        if start + last > source.size:
            raise BadFileError(
                f"tensor {info.name[:80]!r} ends at byte {start + last}, and the file has {source.size}",
                where=source.name,
                hint="Get the file again: it is truncated or damaged",
            )
    return end


def _aligned(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment


@dataclass(frozen=True, slots=True)
class _Info:
    """What a file says about one tensor; ``offset`` counts from the end of what describes the tensors."""

    name: str
    type: str
    shape: tuple[int, ...]
    offset: int
    nbytes: int

    def tensor(self, source: Source, start: int) -> Tensor:
        """The tensor, whose values are read when asked for."""
        place = _Place(self, source, start + self.offset)
        blocks = BLOCK_TYPES.get(self.type)
        read = place.plain if blocks is None else place.decoded
        return Tensor(self.name, self.type, self.shape, self.nbytes, read, quantized=blocks is not None)


def _infos(cursor: Cursor, count: int) -> Iterator[_Info]:
    name_of = cursor.source.name
    for _ in range(count):
        name = cursor.text(MOST_NAME)
        where = f"{name_of}: tensor {name[:80]!r}"
        rank = cursor.number("<I")
        if rank > MOST_RANK:
            raise BadFileError(f"the tensor has {rank} axes", where=where, hint=f"Use at most {MOST_RANK}")
        # the first one is that of neighbours in memory, which NumPy has last
        shape = tuple(cursor.number("<Q") for _ in range(rank))[::-1]
        number, offset = cursor.number("<I"), cursor.number("<Q")
        if number not in TYPES:
            known = _REMOVED.get(number)
            what = f"type {known} has been given up by ggml" if known else f"element type {number} is unknown"
            raise UnsupportedError(what, where=where, hint="Convert the model again with a current llama.cpp")
        if max(shape, default=0) >= 2**63:
            raise BadFileError(f"the shape {list(shape)} has a size of 2^63 or more", where=where, hint=DAMAGED)
        nbytes = _nbytes(TYPES[number], shape, where)
        if offset + nbytes >= 2**63:
            raise BadFileError(f"the shape {list(shape)} needs {nbytes} bytes", where=where, hint=DAMAGED)
        yield _Info(name, TYPES[number], shape, offset, nbytes)


def _nbytes(kind: str, shape: tuple[int, ...], where: str) -> int:
    blocks = BLOCK_TYPES.get(kind)
    if blocks is None:
        return BY_NAME[kind].nbytes(math.prod(shape))
    row = shape[-1] if shape else 1
    if row % blocks.values:
        raise BadFileError(
            f"rows of {row} values are not whole blocks of {blocks.values}, as {kind} has them",
            where=where,
            hint=DAMAGED,
        )
    return math.prod(shape) // blocks.values * blocks.nbytes


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor's values begin in its file."""

    info: _Info
    source: Source
    start: int

    def plain(self) -> NDArray[Any]:
        """Values that are stored one by one."""
        return decode(BY_NAME[self.info.type], self.source.read(self.start, self.info.nbytes), self.info.shape)

    def decoded(self) -> NDArray[Any]:
        """The numbers that blocks stand for, float32: only a piece of the blocks is in memory at a time."""
        kind: BlockType = BLOCK_TYPES[self.info.type]
        out = np.empty((math.prod(self.info.shape) // kind.values, kind.values), np.float32)
        step = _PIECE // kind.values
        # infinite scales are the file's own
        with np.errstate(invalid="ignore", over="ignore"):
            for at in range(0, len(out), step):
                count = min(step, len(out) - at)
                data = self.source.read(self.start + at * kind.nbytes, count * kind.nbytes)
                out[at : at + count] = kind.decode(np.frombuffer(data, np.uint8).reshape(count, kind.nbytes))
        return out.reshape(self.info.shape)
