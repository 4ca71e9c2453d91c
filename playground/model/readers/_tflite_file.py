"""What a ``.tflite`` file says: its tensors with what their codes stand for, and its operators, as they are stored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import DAMAGED, BadFileError, UnsupportedError, plural, shown
from playground.host.sources import Source
from playground.limits import MOST_NAME, MOST_NODES, MOST_RANK, MOST_TENSORS
from playground.model.element_types import BY_NAME, decode
from playground.model.naming import FreeNames
from playground.model.readers import _tflite_schema as schema
from playground.model.readers._flatbuffer import Octets, Table, root
from playground.model.readers._tflite_buffers import Buffers

_MOST_SUBGRAPHS = 1024
_MOST_VALUES = 65_536
"""Sizes of a shape and the like in one vector; an operator has at most so many inputs."""

_MOST_CUSTOM = 64
"""Bytes of a custom operator's options that are kept."""

_SHOWN_METADATA = ("min_runtime_version",)


@dataclass(frozen=True, slots=True)
class Codes:
    """What the codes of a tensor stand for: ``scale x (code - zero-point)``, along ``axis`` if there are several."""

    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor of the file.

    Attributes:
        name: its own, made unique.
        element: its type, as in ``Tensor.dtype``.
        shape: sizes of its axes; 1 where it is not known.
        signature: sizes with -1 where they are not known; empty if all are.
        place: where its constant values are, and how many bytes; None of what is computed.
        codes: what they stand for; None of values that are not quantized.
        fault: why its values cannot be read; empty if they can.
        sparse: where its values are, if only those that are not zero are stored.
    """

    name: str
    element: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    place: tuple[int, int] | None
    codes: Codes | None
    fault: str
    sparse: Table | None

    def values(self, source: Source) -> NDArray[Any]:
        """The constant's values as they are stored. Raises UnsupportedError if there is a fault."""
        if self.fault or self.place is None:
            raise UnsupportedError(
                self.fault or "the values are not in the file",
                where=f"tensor {shown(self.name)}",
                hint="Export it dense",
            )
        kind, data = BY_NAME[self.element], source.read(*self.place)
        if self.sparse is None:
            return decode(kind, data, self.shape)
        from playground.model.readers._tflite_sparse import dense  # few files need it

        return dense(self.sparse, self.shape, decode(kind, data, (8 * len(data) // kind.bits,)))


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator of the file.

    Attributes:
        op: its name.
        inputs: the numbers of the tensors that it reads; -1 where it has none.
        outputs: the numbers of those that it makes.
        options: its options, if it is not a custom one.
        custom: the first bytes of those of a custom one.
    """

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None
    custom: bytes = b""

    def option(self, slot: int, code: str = "i", default: Any = 0) -> Any:
        """An option by its place in the table."""
        return default if self.options is None else self.options.number(slot, code, default)


@dataclass(frozen=True, slots=True)
class Subgraph:
    """A graph of the file: its tensors by number, and the numbers of those that go in and out."""

    name: str
    tensors: tuple[Stored, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class File:
    """All graphs of a file, the first of which is the one that runs."""

    subgraphs: tuple[Subgraph, ...]
    metadata: Mapping[str, str]


def read_file(source: Source) -> File:
    """Read a file without its constants' values.

    Raises:
        BadFileError: an offset leads out of the file, a number is out of its range, sizes contradict each other.
        UnsupportedError: values are in another file.
    """
    model = root(source)
    version = model.number(schema.Model.VERSION, "I")
    if version != 3:
        raise BadFileError(f"version {version} of TFLite is unknown", where=source.name, hint="Use version 3")
    codes = [_operator_name(entry) for entry in model.tables(schema.Model.CODES, MOST_NODES, "operator codes")]
    buffers = Buffers(model)
    subgraphs = model.tables(schema.Model.SUBGRAPHS, _MOST_SUBGRAPHS, "graphs")
    if not subgraphs:
        raise BadFileError("the file has no graph", where=source.name, hint=DAMAGED)
    _count(subgraphs)
    whole = _Whole(model.octets, buffers, codes, FreeNames())
    return File(tuple(map(whole.subgraph, subgraphs)), _metadata(model, buffers))


def _count(subgraphs: Sequence[Table]) -> None:
    """Refuse more tensors or operators than all graphs together may have, before the first is read."""
    tensors = sum(table.count(schema.Subgraph.TENSORS) for table in subgraphs)
    operators = sum(table.count(schema.Subgraph.OPERATORS) for table in subgraphs)
    if tensors > MOST_TENSORS or operators > MOST_NODES:
        what = "the graphs have too many tensors or operators"
        hint = f"Use at most {MOST_TENSORS} tensors, {MOST_NODES} operators"
        raise BadFileError(what, where=subgraphs[0].octets.source.name, hint=hint)


def _operator_name(entry: Table) -> str:
    """An operator's name; of a custom one its own, behind ``custom``."""
    number = max(entry.number(schema.Code.OLDER, "b"), entry.number(schema.Code.NEWER, "i"))
    if number == schema.CUSTOM:
        return schema.CUSTOM_PREFIX + entry.text(schema.Code.CUSTOM_NAME, MOST_NAME)
    return schema.OPERATORS[number] if 0 <= number < len(schema.OPERATORS) else f"operator {number}"


def _metadata(model: Table, buffers: Buffers) -> dict[str, str]:
    """The description, and entries that are short texts."""
    found = {"description": text} if (text := model.text(schema.Model.DESCRIPTION)) else {}
    for entry in model.tables(schema.Model.METADATA, MOST_TENSORS, "entries of metadata"):
        name = entry.text(schema.Metadata.NAME, MOST_NAME)
        if name in _SHOWN_METADATA:
            start, size = buffers.place(entry.number(schema.Metadata.BUFFER, "I"))
            found[name] = model.octets.piece(start, min(size, 64)).rstrip(b"\0").decode(errors="replace")
    return found


@dataclass(slots=True)
class _Whole:
    """What every part of a file is read with."""

    octets: Octets
    buffers: Buffers
    codes: list[str]
    names: FreeNames

    def subgraph(self, table: Table) -> Subgraph:
        entries = table.tables(schema.Subgraph.TENSORS, MOST_TENSORS, "tensors")
        operators = table.tables(schema.Subgraph.OPERATORS, MOST_NODES, "operators")
        tensors = tuple(self._tensor(entry, number) for number, entry in enumerate(entries))
        numbers = partial(self._numbers, count=len(tensors))
        return Subgraph(
            table.text(schema.Subgraph.NAME, MOST_NAME),
            tensors,
            numbers(table, schema.Subgraph.INPUTS),
            numbers(table, schema.Subgraph.OUTPUTS),
            tuple(self._operation(entry, numbers) for entry in operators),
        )

    def _numbers(self, table: Table, slot: int, count: int, least: int = 0) -> tuple[int, ...]:
        """Numbers of tensors."""
        found = self._short(table, slot)
        if any(not least <= number < count for number in found):
            raise self.octets.bad(f"a tensor has a number that is not one of {count}: {shown(found)}")
        return found

    def _short(self, table: Table, slot: int) -> tuple[int, ...]:
        """A vector of not many integers."""
        found = table.vector(slot, 4)
        if found is not None and found[1] > _MOST_VALUES:
            raise self.octets.bad(f"a list has {found[1]} numbers")
        return tuple(map(int, table.numbers(slot, "i")))

    def _operation(self, table: Table, numbers: Any) -> Operation:
        code = table.number(schema.Operator.CODE, "I")
        if code >= len(self.codes):
            raise self.octets.bad(f"there is no operator code {code}: the file has {len(self.codes)}")
        inputs = numbers(table, schema.Operator.INPUTS, least=-1)
        outputs = numbers(table, schema.Operator.OUTPUTS)
        if not self.codes[code].startswith(schema.CUSTOM_PREFIX):
            return Operation(self.codes[code], inputs, outputs, table.table(schema.Operator.OPTIONS))
        start, size = table.vector(schema.Operator.CUSTOM_OPTIONS, 1) or (0, 0)
        held = self.octets.piece(start, min(size, _MOST_CUSTOM))
        return Operation(self.codes[code], inputs, outputs, None, held)

    def _tensor(self, table: Table, number: int) -> Stored:
        name = self.names.take(table.text(schema.Tensor.NAME, MOST_NAME) or f"tensor_{number}")
        where = f"{self.octets.source.name}: tensor {shown(name)}"
        kind = table.number(schema.Tensor.TYPE, "b")
        if not 0 <= kind < len(schema.ELEMENTS):
            raise BadFileError(f"element type {kind} is unknown", where=where, hint=DAMAGED)
        if table.number(schema.Tensor.EXTERNAL, "I"):
            raise UnsupportedError("the values are in another file", where=where, hint="Save it as one file")
        if (table.vector(schema.Tensor.SHAPE, 4) or (0, 0))[1] > MOST_RANK:
            raise BadFileError(f"the tensor has more than {MOST_RANK} axes", where=where, hint="Use fewer axes")
        shape, signature = (self._short(table, slot) for slot in (schema.Tensor.SHAPE, schema.Tensor.SIGNATURE))
        if min(shape, default=0) < 0 or len(signature) not in (0, len(shape)) or min(signature, default=0) < -1:
            raise BadFileError(f"{shown(shape)} and {shown(signature)} are not a shape", where=where, hint=DAMAGED)
        element = schema.ELEMENTS[kind]
        start, size = self.buffers.place(table.number(schema.Tensor.BUFFER, "I"))
        codes, fault = _codes(table.table(schema.Tensor.QUANTIZATION), element, shape, where)
        sparse = table.table(schema.Tensor.SPARSITY)
        if size and element in schema.WITHOUT_VALUES:
            fault = f"values of type {element} cannot be read"
        elif size and not sparse:
            _check_size(element, shape, size, where)
        place = (start, size) if size else None
        return Stored(name, element, shape, signature, place, codes, fault, sparse)


def _check_size(element: str, shape: tuple[int, ...], found: int, where: str) -> None:
    needed = BY_NAME[element].nbytes(math.prod(shape))
    if needed != found:
        raise BadFileError(
            f"{plural(found, 'byte')} cannot be the shape {shown(shape)} of {element}, which needs {needed}",
            where=where,
            hint=DAMAGED,
        )


def _codes(table: Table | None, element: str, shape: tuple[int, ...], where: str) -> tuple[Codes | None, str]:
    """What codes stand for, None of values that are not quantized; and why that is not known here."""
    if table is None or not element.startswith(("int", "uint")):
        return None, ""
    kind = table.number(schema.Quantization.DETAILS, "B")
    if kind:
        return (
            None,
            "values with scales in blocks cannot be read"
            if kind == 2
            else "values of a custom quantization cannot be read",
        )
    scales = table.numbers(schema.Quantization.SCALES, "f")
    if not scales.size or not scales.any():
        return None, ""
    points = table.numbers(schema.Quantization.ZERO_POINTS, "q")
    points = np.zeros(scales.size, np.int64) if not points.size else points
    axis = table.number(schema.Quantization.AXIS, "i")
    least, most = _reach(element)
    wrong = ""
    if not np.isfinite(scales).all() or scales.min() <= 0:
        wrong = "its scales are not all positive"
    elif points.size not in (1, scales.size) or points.min() < least or points.max() > most:
        wrong = f"its zero-points are not from {least} to {most}, one for each scale"
    elif scales.size > 1 and not (0 <= axis < len(shape) and shape[axis] == scales.size):
        wrong = f"{scales.size} scales do not fit axis {axis} of the shape {shown(shape)}"
    if wrong:
        raise BadFileError(wrong, where=where, hint=DAMAGED)
    return Codes(scales, np.broadcast_to(points, scales.shape), axis if scales.size > 1 else 0), ""


def _reach(element: str) -> tuple[int, int]:
    """The smallest and the largest code of a type."""
    bits = BY_NAME[element].bits
    return (0, 2**bits - 1) if element.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
