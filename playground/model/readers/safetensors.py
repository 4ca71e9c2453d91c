"""safetensors: a JSON header with every tensor's type, shape and place, then the bytes of all of them.

A model may be in several files, which an index names (``model.safetensors.index.json``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from playground import plain_json
from playground.errors import DAMAGED, BadFileError, one_of, plural, shown, typed
from playground.host.sources import Source, SourceGroup
from playground.limits import MOST_HEADER_BYTES, MOST_NAME, MOST_RANK, MOST_TENSORS
from playground.model.element_types import BY_NAME, ElementType, real_values
from playground.model.graph import Model, Tensor
from playground.model.readers._reader import Reader

DTYPES = {
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool", "C64": "complex64"},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu", "F4": "float4_e2m1fn"},
    **{"F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz"},
    **{"F6_E2M3": "float6_e2m3fn", "F6_E3M2": "float6_e3m2fn"},
}
"""The format's name of an element type -> its name here."""


def _signature(head: bytes) -> bool:
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= MOST_HEADER_BYTES


_INDEX = ".safetensors.index.json"


def read(source: Source) -> Model:
    """Read a safetensors file, or several: tensors only, each read from the file when it is asked for.

    Raises:
        BadFileError: anything that the format's description forbids: a header that is too large, is not JSON or names
            a tensor twice, a tensor whose size is not its shape's, overlaps, holes, bytes left over.
        MissingError: none of the files that an index names is there.
    """
    if source.name.lower().endswith(_INDEX) or isinstance(source, SourceGroup):
        # most models are in one file
        from playground.model.readers._safetensors_shards import read_several

        tensors, metadata, notes = read_several(source, read_one)
    else:
        (tensors, metadata), notes = read_one(source), ()
    if any(name.endswith(MARKS) for name in tensors):
        # and have floats
        from playground.model.readers._bitsandbytes import decoded

        tensors, told = decoded(tensors)
        notes = (*notes, *told)
    return Model("safetensors", source.name, tensors, None, metadata, notes)


MARKS = ("__nf4", "__fp4", ".SCB")
"""How names of tensors end that only bitsandbytes writes."""


def read_one(source: Source) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of one file. Raises BadFileError as :func:`read` does."""
    header, start = _header(source)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise BadFileError("__metadata__ is not an object of texts", where=source.name, hint=DAMAGED)
    if len(header) > MOST_TENSORS:
        raise BadFileError(f"the file has {len(header)} tensors", where=source.name, hint=f"Use at most {MOST_TENSORS}")
    values = {name: _values(name, header.pop(name), source, start) for name in list(header)}
    end = 0
    for name, held in sorted(values.items(), key=lambda item: (item[1].begin, item[1].end)):
        begin, stop = held.begin, held.end
        if begin != end:
            fault = (
                "overlaps the tensor before it"
                if begin < end
                else f"leaves a gap of {plural(begin - end, 'byte')} before it"
            )
            raise BadFileError(f"tensor {name!r} {fault}", where=source.name, hint=DAMAGED)
        end = stop
    if start + end != source.size:
        raise BadFileError(
            f"the tensors end at byte {start + end}, and the file has {source.size}",
            where=source.name,
            hint=DAMAGED,
        )
    tensors = {
        name: Tensor(name, held.element.name, held.shape, held.end - held.begin, held.read)
        for name, held in values.items()
    }
    return tensors, metadata


def _header(source: Source) -> tuple[dict[str, Any], int]:
    """The parsed header and the offset of the first tensor's bytes."""
    if source.size < 8:
        raise BadFileError(
            f"{plural(source.size, 'byte')} cannot hold a safetensors header", where=source.name, hint=DAMAGED
        )
    size = int.from_bytes(source.read(0, 8), "little")
    if size > min(MOST_HEADER_BYTES, source.size - 8):
        raise BadFileError(
            f"a header of {size} bytes does not fit a file of {source.size}, or is longer than {MOST_HEADER_BYTES}",
            where=source.name,
            hint="Use another file: this one is truncated, damaged, or not in the safetensors format",
        )
    text = source.read(8, size)
    if not text.startswith(b"{"):
        raise BadFileError("the header is not a JSON object in UTF-8", where=source.name, hint=DAMAGED)
    with typed(BadFileError, "the header is not UTF-8", where=source.name, hint=DAMAGED):
        text.decode()
    header = plain_json.parse(text, BadFileError, source.name, most_bytes=MOST_HEADER_BYTES, what="the header")
    if not isinstance(header, dict):
        raise BadFileError("the header is not a JSON object", where=source.name, hint=DAMAGED)
    return header, 8 + size


@dataclass(frozen=True, slots=True)
class _Values:
    """A tensor's values: from byte ``begin`` to ``end`` after ``start``, where the header has ended."""

    source: Source
    element: ElementType
    shape: tuple[int, ...]
    start: int
    begin: int
    end: int

    def read(self) -> NDArray[Any]:
        """The values as an array."""
        return real_values(self.element, self.source.read(self.start + self.begin, self.end - self.begin), self.shape)


def _values(name: str, entry: Any, source: Source, start: int) -> _Values:
    where = f"{source.name}: tensor {name[:80]!r}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise BadFileError(
            "the header's entry has other fields than dtype, shape and data_offsets", where=where, hint=DAMAGED
        )
    if not name.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in name):
        raise BadFileError("the name is half of a character", where=where, hint=DAMAGED)
    if len(name) > MOST_NAME:
        raise BadFileError(f"the name has {len(name)} characters", where=where, hint=f"Use at most {MOST_NAME}")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if isinstance(shape, list) and len(shape) > MOST_RANK:
        raise BadFileError(f"the tensor has {len(shape)} axes", where=where, hint=f"Use at most {MOST_RANK}")
    if not _sizes(shape) or not _sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise BadFileError("the shape or data_offsets are not sizes", where=where, hint=DAMAGED)
    dtype = entry["dtype"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise BadFileError(f"element type {shown(dtype)} is unknown", where=where, hint=one_of(dtype, DTYPES))
    element = BY_NAME[DTYPES[dtype]]
    if element.bits * math.prod(shape) % 8:
        raise BadFileError(f"{shape} values of {element.bits} bits are no whole bytes", where=where, hint=DAMAGED)
    needed, found = element.nbytes(math.prod(shape)), offsets[1] - offsets[0]
    if needed != found:
        raise BadFileError(
            f"{found} bytes do not fill the shape {shape}, which needs {needed}", where=where, hint=DAMAGED
        )
    return _Values(source, element, tuple(shape), start, *offsets)


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**63 for n in value)


READER = Reader("safetensors", (".safetensors", _INDEX), _signature, read)
