"""TFLite's operators that move values: other shapes, other orders, parts, and what is put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from playground.errors import UnsupportedError
from playground.model.element_types import BY_NAME
from playground.model.readers._tflite_arithmetic import activated
from playground.model.readers._tflite_builder import Builder
from playground.model.readers._tflite_file import Operation
from playground.model.readers._tflite_layout import FIRST, LAST, as_first

_END = 2**31 - 1
"""As far as there is."""


def reshape(b: Builder, op: Operation) -> None:
    """Another shape: of the second input, or else of the options."""
    x, y = op.inputs[0], op.outputs[0]
    sizes: list[int] | None = None
    if len(op.inputs) < 2 or op.inputs[1] < 0:
        sizes = [int(size) for size in op.options.numbers(0, "i")] if op.options else []
    elif b.is_constant(op.inputs[1]):
        sizes = b.whole_numbers(op.inputs[1], "sizes")
    if sizes is not None:
        b.give(y, b.reshaped(x, sizes))
    else:
        b.give(y, b.emit("Reshape", [b.real(x), _as_int64(b, op.inputs[1])]))


def _as_int64(b: Builder, number: int) -> str:
    """Whole numbers that are computed, as ONNX takes them."""
    name = b.stored(number)
    return name if b.tensors[number].element == "int64" else b.emit("Cast", [name], to=BY_NAME["int64"].onnx)


def squeeze(b: Builder, op: Operation) -> None:
    """Without axes of size 1, or with more of them: the shape says it."""
    x, y = op.inputs[0], op.outputs[0]
    shape = b.shape(y)
    if sum(size is None for size in shape) <= 1:
        b.give(y, b.reshaped(x, [-1 if size is None else size for size in shape if not isinstance(size, str)]))
    elif op.op == "EXPAND_DIMS":
        b.give(y, b.emit("Unsqueeze", [b.real(x), b.ints(b.whole_numbers(op.inputs[1], "axes"), "axes")]))
    else:
        axes = [int(axis) for axis in op.options.numbers(0, "i")] if op.options else []
        b.give(y, b.emit("Squeeze", [b.real(x), *([b.ints(axes, "axes")] if axes else [])]))


def transpose(b: Builder, op: Operation) -> None:
    """Another order of axes; one that only turns an image for TFLite is never made."""
    x, y = op.inputs[0], op.outputs[0]
    order = b.whole_numbers(op.inputs[1], "orders of axes")
    if sorted(order) != list(range(b.rank(x))):
        raise UnsupportedError(f"the order {order} of {b.rank(x)} axes")
    if not _same_codes(b, x, y):
        b.give(y, b.emit("Transpose", [b.real(x)], perm=order))
    elif b.first_only([x]):
        b.give_stored(y, _turned(b, b.stored_first(x), [as_first(axis) for axis in order]))
    elif tuple(order) == LAST:
        b.give_stored(y, b.stored(x), FIRST)
    else:
        b.give_stored(y, _turned(b, b.stored(x), order))


def _same_codes(b: Builder, x: int, y: int) -> bool:
    """Whether codes of two tensors stand for the same."""
    one, other = b.codes(x), b.codes(y)
    if b.tensors[x].element != b.tensors[y].element or one is None or other is None:
        return one is other and b.tensors[x].element == b.tensors[y].element
    pairs = (one.scales, other.scales), (one.zero_points, other.zero_points)
    return one.scales.size == 1 and all(np.array_equal(*pair) for pair in pairs)


def _turned(b: Builder, name: str, order: list[int]) -> str:
    return name if order == sorted(order) else b.emit("Transpose", [name], perm=order)


def concatenated(b: Builder, op: Operation) -> None:
    """Values one behind the other, along an axis."""
    y = op.outputs[0]
    axis = op.option(0) % max(b.rank(y), 1)
    first = b.rank(y) == 4 and b.first_only(op.inputs)
    made = b.emit("Concat", [b.image(x, first) for x in op.inputs], axis=as_first(axis) if first else axis)
    b.give(y, activated(b, made, op.option(1, "b"), y), first)


def packed(b: Builder, op: Operation) -> None:
    """Values side by side, along a new axis."""
    y = op.outputs[0]
    axis = op.option(1) % max(b.rank(y), 1)
    wide = [b.emit("Unsqueeze", [b.real(x), b.ints([axis], "axes")]) for x in op.inputs]
    b.give(y, b.emit("Concat", wide, axis=axis))


def unpacked(b: Builder, op: Operation) -> None:
    """The parts of a value along an axis, which is gone then."""
    x = op.inputs[0]
    axis = op.option(1) % max(b.rank(x), 1)
    parts = b.emit_many("Split", [b.real(x), b.ints([1] * len(op.outputs))], len(op.outputs), axis=axis)
    for y, name in zip(op.outputs, parts, strict=True):
        b.give(y, b.emit("Squeeze", [name, b.ints([axis], "axes")]))


def split(b: Builder, op: Operation) -> None:
    """Parts along an axis, all of a size or of given sizes."""
    at, axes = (1, 0) if op.op == "SPLIT" else (0, 2)
    x = op.inputs[at]
    (axis,) = b.whole_numbers(op.inputs[axes], "axes")
    axis %= max(b.rank(x), 1)
    sizes = [b.size(y, axis) for y in op.outputs]
    first = b.first_only([x])
    at = as_first(axis) if first else axis
    parts = b.emit_many("Split", [b.image(x, first), b.ints(sizes)], len(op.outputs), axis=at)
    for y, name in zip(op.outputs, parts, strict=True):
        b.give(y, name, first)


def padded(b: Builder, op: Operation) -> None:
    """More values around: of a constant, or mirrored."""
    x, y = op.inputs[0], op.outputs[0]
    pads = b.whole_numbers(op.inputs[1], "paddings")
    before, after = pads[::2], pads[1::2]
    first = b.first_only([x])
    if first:
        before, after = ([side[axis] for axis in FIRST] for side in (before, after))
    given = [b.image(x, first), b.ints(before + after, "pads")]
    if op.op == "MIRROR_PAD":
        if op.option(0, "b"):
            raise UnsupportedError("mirrored padding that repeats the border")
        made = b.emit("Pad", given, mode="reflect")
    elif op.op == "PADV2":
        made = b.emit("Pad", [*given, b.real(op.inputs[2])])
    else:
        made = b.emit("Pad", given)
    b.give(y, made, first)


@dataclass(slots=True)
class _Part:
    """A slice: a start, an end and a step for each of the first axes."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        """How many axes it has."""
        return len(self.starts)

    def add(self, start: int = 0, end: int = _END, step: int = 1) -> None:
        """Go on with the next axis, of which all is taken if nothing else is said."""
        self.starts.append(start)
        self.ends.append(end)
        self.steps.append(step)

    def of(self, b: Builder, name: str, axes: Sequence[int]) -> str:
        """The slice of a value; axes of which all is taken are left out."""
        rows = zip(self.starts, self.ends, axes, self.steps, strict=True)
        kept = [row for row in rows if row[0] != 0 or row[1] != _END or row[3] != 1]
        if not kept:
            return name
        columns = (b.ints([row[at] for row in kept], name) for at, name in enumerate(_SLICE_INPUTS))
        return b.emit("Slice", [name, *columns])

    def give(self, b: Builder, op: Operation) -> None:
        """State the result of an operator that slices its first input."""
        first = b.first_only(op.inputs[:1])
        axes = [as_first(axis) if first else axis for axis in range(len(self))]
        b.give(op.outputs[0], self.of(b, b.image(op.inputs[0], first), axes), first)


_SLICE_INPUTS = ("starts", "ends", "axes", "steps")


def sliced(b: Builder, op: Operation) -> None:
    """A part: from where on, and how many."""
    starts, sizes = (b.whole_numbers(number, "places") for number in op.inputs[1:3])
    part = _Part()
    for start, size in zip(starts, sizes, strict=True):
        part.add(start, _END if size < 0 else start + size)
    part.give(b, op)


def strided(b: Builder, op: Operation) -> None:
    """A part as Python's slices state it: bits say where a start or an end counts, and which axes go or are new."""
    begin, end, step = (b.whole_numbers(number, "places") for number in op.inputs[1:4])
    no_begin, no_end, rest, new, gone = (op.option(slot) for slot in range(5))
    if op.option(5, "?", False):
        end = [start + size for start, size in zip(begin, end, strict=True)]
    part, squeezed, added = _Part(), list[int](), list[int]()
    entries = range(len(begin))
    for at in entries:
        bit = 1 << at
        forward = step[at] > 0
        if rest & bit:
            named = sum(not new & 1 << later for later in entries) - 1
            for _ in range(b.rank(op.inputs[0]) - named):
                part.add()
        elif new & bit:
            added.append(len(part) - len(squeezed) + len(added))
        elif gone & bit:
            squeezed.append(len(part))
            part.add(begin[at], begin[at] + 1 if begin[at] != -1 else _END)
        else:
            start = (0 if forward else _END) if no_begin & bit else begin[at]
            part.add(start, (_END if forward else -_END) if no_end & bit else end[at], step[at])
    if not squeezed and not added:
        part.give(b, op)
        return
    made = part.of(b, b.real(op.inputs[0]), range(len(part)))
    made = b.emit("Squeeze", [made, b.ints(squeezed, "axes")]) if squeezed else made
    made = b.emit("Unsqueeze", [made, b.ints(added, "axes")]) if added else made
    b.give(op.outputs[0], made)


def gathered(b: Builder, op: Operation) -> None:
    """The rows that indices name."""
    if op.option(1):
        raise UnsupportedError("indices for each sample")
    x, indices = op.inputs[:2]
    b.give(op.outputs[0], b.emit("Gather", [b.real(x), b.stored(indices)], axis=op.option(0)))


def gathered_nd(b: Builder, op: Operation) -> None:
    """The parts that lists of indices name."""
    x, indices = op.inputs[:2]
    b.give(op.outputs[0], b.emit("GatherND", [b.real(x), _as_int64(b, indices)]))


def shape(b: Builder, op: Operation) -> None:
    """The sizes of a value."""
    x, y = op.inputs[0], op.outputs[0]
    made = b.emit("Shape", [b.stored(x)])
    b.give(y, made if b.tensors[y].element == "int64" else b.emit("Cast", [made], to=BY_NAME["int32"].onnx))


def repeated(b: Builder, op: Operation) -> None:
    """A value several times along its axes, or as large as a shape."""
    kind = "Tile" if op.op == "TILE" else "Expand"
    b.give(op.outputs[0], b.emit(kind, [b.real(op.inputs[0]), _as_int64(b, op.inputs[1])]))


def reversed_(b: Builder, op: Operation) -> None:
    """Some axes from the end to the start."""
    axes = b.whole_numbers(op.inputs[1], "axes")
    count = len(axes)
    sizes = (b.ints([value] * count, name) for value, name in ((-1, "starts"), (-_END, "ends")))
    given = [b.real(op.inputs[0]), *sizes, b.ints(axes, "axes"), b.ints([-1] * count, "steps")]
    b.give(op.outputs[0], b.emit("Slice", given))


CONVERTERS: Mapping[str, Callable[[Builder, Operation], None]] = {
    **dict.fromkeys(("SQUEEZE", "EXPAND_DIMS"), squeeze),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), padded),
    **dict.fromkeys(("SPLIT", "SPLIT_V"), split),
    **dict.fromkeys(("TILE", "BROADCAST_TO"), repeated),
    "CONCATENATION": concatenated,
    "GATHER": gathered,
    "GATHER_ND": gathered_nd,
    "PACK": packed,
    "RESHAPE": reshape,
    "REVERSE_V2": reversed_,
    "SHAPE": shape,
    "SLICE": sliced,
    "STRIDED_SLICE": strided,
    "TRANSPOSE": transpose,
    "UNPACK": unpacked,
}
