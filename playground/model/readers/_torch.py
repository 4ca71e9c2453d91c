"""What the reader of PyTorch's checkpoints does. The pickle is followed by an interpreter that runs nothing."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import strided_view, why_outside
from playground.errors import DAMAGED, BadFileError, UnsupportedError, shown, typed
from playground.host.sources import Source
from playground.limits import MOST_JSON_DEPTH, MOST_NAME, MOST_PICKLE_BYTES, MOST_TENSORS, memory_for
from playground.model.element_types import BY_NAME, ElementType, real_values
from playground.model.graph import Model, NoGraph, Tensor
from playground.model.readers._pickle import Interpreter
from playground.model.readers._torch_objects import FUNCTIONS, QuantizedView, View, stored
from playground.model.readers._zip import content_at, is_zip, members_by_name

_STATE = "Save the weights alone, with torch.save(model.state_dict(), path)"
_AGAIN = "Save it again, with torch.save(torch.load(path, map_location='cpu', weights_only=True), path)"
_NO_GRAPH = NoGraph(
    "a PyTorch checkpoint has tensors but no graph", "Export the model with torch.onnx.export to run it"
)

_SHOWN_ITEMS, _SHOWN_CHARACTERS = 16, 1000
"""Of a list, and of a text, in the metadata."""

_MOST_VALUES = 4 * MOST_TENSORS
"""Entries that are gone through: what a pickle refers to twice is met twice."""

_MOST_TEXT = 16 * 2**20
"""Characters of all names and of what is shown of values: of one long text a pickle can make many."""


def read(source: Source) -> Model:
    """Read a checkpoint: tensors by their path in it (``"model.fc.weight"``), numbers and texts as metadata.

    Raises:
        BadFileError: damaged; a tensor that is not inside its storage.
        UnsupportedError: a TorchScript archive, a file of PyTorch before 1.6, or a pickle of more than data.
    """
    if not is_zip(source.read(0, min(4, source.size))):
        raise UnsupportedError(
            "the file is a pickle without an archive, as before PyTorch 1.6", where=source.name, hint=_AGAIN
        )
    archive = _open(source)
    data = archive.content(f"{archive.folder}/data.pkl", MOST_PICKLE_BYTES)
    with typed(BadFileError, "the pickle cannot be read", where=source.name, hint=DAMAGED):
        content = Interpreter(data, FUNCTIONS, stored, source.name, _STATE).run()
    tensors: dict[str, Tensor] = {}
    metadata: dict[str, str] = {}
    root = "" if isinstance(content, dict | list | tuple) else PurePath(source.name).stem
    for name, value in _walk(content, root, source.name):
        if name in tensors or name in metadata:
            raise BadFileError(f"two entries have the name {name[:80]!r}", where=source.name, hint="Rename one of them")
        if isinstance(value, View):
            tensors[name] = archive.tensor(name, value)
        elif isinstance(value, QuantizedView):
            tensors[name] = archive.quantized(name, value)
        else:
            metadata[name] = value
        if len(tensors) > MOST_TENSORS:
            raise BadFileError("the file has too many tensors", where=source.name, hint=f"Use at most {MOST_TENSORS}")
    return Model("pt", source.name, tensors, None, metadata, (), _NO_GRAPH)


def _open(source: Source) -> _Archive:
    members = members_by_name(source)
    folders = {name.partition("/")[0] for name in members}
    folder = folders.pop() if len(folders) == 1 else ""
    if f"{folder}/data.pkl" not in members:
        raise UnsupportedError(
            "the archive is not a PyTorch checkpoint: it has no data.pkl", where=source.name, hint=_STATE
        )
    if any(name.startswith(f"{folder}/code/") or name == f"{folder}/constants.pkl" for name in members):
        hint = "Save its weights, with torch.save(torch.jit.load(path).state_dict(), path)"
        raise UnsupportedError("the file is a TorchScript archive, which is a program", where=source.name, hint=hint)
    archive = _Archive(source, folder, members)
    order = f"{folder}/byteorder"
    if order in members and archive.content(order, 16) != b"little":
        raise UnsupportedError("the numbers are not little-endian", where=source.name, hint=_AGAIN)
    return archive


@dataclass(frozen=True, slots=True)
class _Archive:
    """A checkpoint's files: all in one folder."""

    source: Source
    folder: str
    members: Mapping[str, zipfile.ZipInfo]

    def content(self, name: str, most: int) -> bytes:
        """A whole file of at most ``most`` bytes."""
        member = self._stored(name, self.source.name)
        if member.file_size > most:
            raise BadFileError(
                f"{shown(name)} has {member.file_size} bytes", where=self.source.name, hint=f"Use at most {most}"
            )
        return self.source.read(content_at(self.source, member), member.file_size)

    def _stored(self, name: str, where: str) -> zipfile.ZipInfo:
        member = self.members.get(name)
        if member is None:
            raise BadFileError(f"the archive has no {shown(name)}", where=where, hint=DAMAGED)
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise UnsupportedError(
                f"{shown(name)} is compressed or encrypted, as torch.save never does it", where=where, hint=_AGAIN
            )
        if member.file_size != member.compress_size:
            raise BadFileError(f"{shown(name)} has two sizes", where=where, hint=DAMAGED)
        return member

    def tensor(self, name: str, view: View) -> Tensor:
        """The tensor that a view is. BadFileError: it is not inside its storage, or repeats elements without end."""
        where = f"{self.source.name}: tensor {name[:80]!r}"
        member = self._stored(f"{self.folder}/data/{view.storage.key}", where)
        element = BY_NAME[view.dtype]
        size = element.bits // 8
        stated = view.storage.count * (BY_NAME[view.storage.dtype].bits // 8 if view.storage.dtype else 1)
        if stated != member.file_size:
            raise BadFileError(
                f"the storage has {member.file_size} bytes, and the pickle says {stated}", where=where, hint=DAMAGED
            )
        wrong = why_outside((stated // size,), view.shape, [(0, stride) for stride in view.strides], (view.offset,))
        if wrong is not None:
            raise BadFileError(f"the tensor is not inside its storage: {wrong}", where=where, hint=DAMAGED)
        nbytes = element.nbytes(math.prod(view.shape))
        if nbytes > memory_for(self.source.size):
            raise BadFileError(
                f"the shape {list(view.shape)} repeats elements up to {nbytes} bytes, more than 3 times the file and "
                "64 MB",
                where=where,
                hint="Save it with .contiguous()",
            )
        last = sum((count - 1) * stride for count, stride in zip(view.shape, view.strides, strict=True))
        count = 0 if 0 in view.shape else last + 1
        return Tensor(name, element.name, view.shape, nbytes, _Place(self.source, member, element, view, count).read)

    def quantized(self, name: str, view: QuantizedView) -> Tensor:
        """A quantized tensor, with its codes, scales and zero-points as parts where they are tensors."""
        codes = self.tensor(name, view.codes)
        parts = {"codes": codes}
        for role, held in (("scale", view.scales), ("zero_point", view.zero_points)):
            if isinstance(held, View):
                parts[role] = self.tensor(f"{name}.{role}", held)
        nbytes = sum(part.nbytes for part in parts.values())
        read = _Affine(view, parts).read
        return Tensor(name, f"q{codes.dtype}", codes.shape, nbytes, read, quantized=True, parts=MappingProxyType(parts))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor's elements lie: it is a view of ``count`` of them."""

    source: Source
    member: zipfile.ZipInfo
    element: ElementType
    view: View
    count: int

    def read(self) -> NDArray[Any]:
        """The values; only the part of the storage that the tensor touches is read."""
        size = self.element.bits // 8
        start = content_at(self.source, self.member) + self.view.offset * size
        flat = real_values(self.element, self.source.read(start, self.count * size), (self.count,))
        return strided_view(flat, self.view.shape, [(0, stride) for stride in self.view.strides], (0,))


@dataclass(frozen=True, slots=True)
class _Affine:
    """A quantized tensor whose parts fit each other."""

    view: QuantizedView
    parts: Mapping[str, Tensor]

    def read(self) -> NDArray[np.float32]:
        """``(code - zero_point) * scale`` in float32."""
        scales, points = self._along("scale", self.view.scales), self._along("zero_point", self.view.zero_points)
        values: NDArray[np.float32] = (self.parts["codes"].numpy().astype(np.float32) - points) * scales
        return values

    def _along(self, role: str, number: float | View) -> NDArray[np.float32]:
        if not isinstance(number, View):
            return np.array(number, np.float32)
        shape = [1] * len(self.view.codes.shape)
        shape[self.view.axis or 0] = -1
        return self.parts[role].numpy().astype(np.float32).reshape(shape)


def _walk(content: Any, path: str, where: str) -> Iterator[tuple[str, Any]]:
    """Tensors, and plain values as texts, with their paths, whatever they are nested in."""
    waiting, met, characters = [(path, content, 0)], 0, 0
    while waiting:
        name, value, depth = waiting.pop()
        met += 1 + (len(value) if isinstance(value, dict | list | tuple) else 0)
        if met > _MOST_VALUES or depth > MOST_JSON_DEPTH or len(name) > MOST_NAME:
            raise _too_much("too many entries" if met > _MOST_VALUES else "entries nested too deep", where)
        if isinstance(value, View | QuantizedView):
            yield name, value
            continue
        inside = _inside(value)
        if inside is None:
            text = _text(value)
            characters += len(text)
            if characters > _MOST_TEXT:
                raise _too_much("too many long names or texts", where)
            yield name, text
        for key, held in reversed(inside or ()):
            below = f"{name}.{_text(key)}" if name else _text(key)
            characters += len(below)
            if characters > _MOST_TEXT:
                raise _too_much("too many long names or texts", where)
            waiting.append((below, held, depth + 1))


def _inside(value: Any) -> list[tuple[Any, Any]] | None:
    """What is in a value, by its key or place; None of what is shown as a text."""
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list | tuple) and not all(map(_is_plain, value)):
        return list(enumerate(value))
    return None


def _too_much(what: str, where: str) -> BadFileError:
    return BadFileError(f"the checkpoint has {what}", where=where, hint=_STATE)


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict | list | tuple | View | QuantizedView)


def _text(value: Any) -> str:
    """A plain value, or a list of them, as people read it."""
    if isinstance(value, list | tuple):
        rest = len(value) - _SHOWN_ITEMS
        told = ", ".join(map(_text, value[:_SHOWN_ITEMS]))
        return f"[{told}, and {rest} more]" if rest > 0 else f"[{told}]"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, str):
        return value[:_SHOWN_CHARACTERS]
    return shown(value) if isinstance(value, int | float | None) else f"a value of type {type(value).__name__}"
