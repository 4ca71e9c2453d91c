"""What moves values: other shapes, other orders, parts, and what is put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.model.readers._tflite_file import Codes
from playground.model.writers._flatbuffer import Number
from playground.model.writers._tflite_builder import FLAT, Builder, Order, Site
from playground.model.writers._tflite_file import Operation
from playground.model.writers._tflite_forms import CHANNELS_LAST, inverse
from playground.model.writers._tflite_view import HINT


def _own(b: Builder, site: Site, number: int) -> Codes | None:
    """What is moved keeps its codes."""
    return b.tensors[number].codes if site.codes else None


def reshape(b: Builder, node: Node) -> None:
    """Another shape. An image whose channels are last stays so, if only products with constants read its row."""
    x, y = node.inputs[0], node.outputs[0]
    site = b.site(node, [x])
    given, made = b.view.shape(x), b.view.shape(y)
    last = b.order_of([x])
    if last:
        row = len(made) == 2 and made[0] == given[0] and None not in given[1:]
        one = set(given[2:]) == {1} or given[1] == 1
        if one or (row and b.view.only_products_read(y)):
            number = b.take(site, x, last)
            order: Order = () if one else FLAT
            if order:
                image = tuple(size or 1 for size in given[1:])
                b.images.update(dict.fromkeys((y, *(wanted.key for wanted in site.wanted)), image))
            _reshape(b, site, number, order)
            return
    _reshape(b, site, b.take(site, x), ())


def _reshape(b: Builder, site: Site, number: int, order: Order) -> None:
    made = b.tensors[number]
    target = b.temporary(site, b.view.shape(site.node.outputs[0]), made.codes, end="")
    target.element = made.element
    b.give(site, b.reshaped(number, target), order)


def same(b: Builder, node: Node) -> None:
    """Identity, and Dropout when nothing is learned."""
    x = node.inputs[0]
    site, order = b.site(Node(node.op, node.name, node.inputs, node.outputs[:1]), [x]), b.order_of([x])
    b.give(site, b.take(site, x, order), order)


def transpose(b: Builder, node: Node) -> None:
    """Another order of axes; one that only turns an image for ONNX is never made."""
    x = node.inputs[0]
    rank = b.rank(x)
    given = node.attributes.get("perm")
    perm = [int(axis) for axis in given] if given is not None else list(range(rank))[::-1]
    site, order = b.site(node, [x]), b.order_of([x])
    last = CHANNELS_LAST.get(rank, ())
    if order and tuple(perm) == order:
        b.give(site, b.take(site, x, order))
    elif not order and last and tuple(perm) == inverse(last):
        b.give(site, b.take(site, x), last)
    elif order:
        b.give(site, b.turned(b.take(site, x, order), [order.index(axis) for axis in perm]))
    else:
        b.give(site, b.turned(b.take(site, x), perm))


def concatenated(b: Builder, node: Node) -> None:
    """Values one behind the other, in the codes of the result."""
    order = b.order_of(node.inputs)
    axis = int(node.attributes["axis"]) % b.rank(node.outputs[0])
    site = b.site(node, node.inputs)
    inputs = [b.take(site, name, order) for name in node.inputs]
    if site.codes:
        inputs = [b.requantized(number, site.wanted[0].codes) for number in inputs]
    options = {0: Number("i", order.index(axis) if order else axis), 1: Number("b", 0)}
    b.put(site, "CONCATENATION", inputs, options, order=order)


def split(b: Builder, node: Node) -> None:
    """Parts along an axis."""
    x, rank = node.inputs[0], b.rank(node.inputs[0])
    axis = int(node.attributes.get("axis", 0)) % rank
    site, order = b.site(node, [x]), b.order_of([x])
    number = b.take(site, x, order)
    sizes = [b.size(name, axis) for name in node.outputs]
    held = b.ints([order.index(axis) if order else axis], "axis")
    outputs = tuple(b.result(site, at, order, _own(b, site, number)) for at in range(len(node.outputs)))
    b.operations.append(Operation("SPLIT_V", (number, b.ints(sizes), held), outputs, {0: Number("i", len(outputs))}))
    for at in range(len(outputs)):
        b.finish(site, at, order)


def padded(b: Builder, node: Node) -> None:
    """More values around: of a constant, or mirrored."""
    x, rank = node.inputs[0], b.rank(node.inputs[0])
    mode = node.attributes.get("mode", "constant")
    mode = mode.decode() if isinstance(mode, bytes) else str(mode)
    pads = b.view.whole_numbers(node.inputs[1], "paddings")
    axes = list(range(rank))
    if len(node.inputs) > 3 and node.inputs[3]:
        axes = [axis % rank for axis in b.view.whole_numbers(node.inputs[3], "axes")]
    around = np.zeros((rank, 2), np.int32)
    for at, axis in enumerate(axes):
        around[axis] = pads[at], pads[at + len(pads) // 2]
    value = 0.0
    if len(node.inputs) > 2 and node.inputs[2]:
        found = b.view.real_scalar(node.inputs[2])
        value = float("nan") if found is None else found
    if around.min() < 0 or mode not in ("constant", "reflect") or not np.isfinite(value):
        raise UnsupportedError(f"padding in the mode {mode} with such sizes or values has no TFLite form", hint=HINT)
    site, order = b.site(node, [x]), b.order_of([x])
    number = b.take(site, x, order)
    inputs = [number, b.keep(np.ascontiguousarray(around[list(order)] if order else around), "pads")]
    codes = _own(b, site, number)
    if mode == "reflect":
        b.put(site, "MIRROR_PAD", inputs, {0: Number("b", 0)}, order=order, codes=codes)
    elif value:
        b.put(site, "PADV2", [*inputs, _inserted(b, value, codes)], order=order, codes=codes)
    else:
        b.put(site, "PAD", inputs, order=order, codes=codes)


def _inserted(b: Builder, value: float, codes: Codes | None) -> int:
    """A number that is put among values, in their codes."""
    if codes is None:
        return b.keep(np.array(value, np.float32), "value")
    code = round(value / float(codes.scales[0])) + int(codes.zero_points[0])
    return b.keep(np.array(max(-128, min(127, code)), np.int8), "value", codes)


def sliced(b: Builder, node: Node) -> None:
    """A part: from where to where, in which steps."""
    x, rank = node.inputs[0], b.rank(node.inputs[0])
    starts, ends = (b.view.whole_numbers(name, "places") for name in node.inputs[1:3])
    given = [b.view.whole_numbers(name, "places") if name else [] for name in (*node.inputs[3:], "", "")[:2]]
    axes = given[0] or list(range(len(starts)))
    steps = given[1] or [1] * len(starts)
    site, order = b.site(node, [x]), b.order_of([x])
    begin, end, step, open_begin, open_end = [0] * rank, [0] * rank, [1] * rank, (1 << rank) - 1, (1 << rank) - 1
    for start, stop, axis, by in zip(starts, ends, axes, steps, strict=True):
        at = order.index(axis % rank) if order else axis % rank
        begin[at], end[at], step[at] = slice(start, stop, by).indices(b.size(x, axis % rank))
        open_begin &= ~(1 << at)
        if end[at] >= 0:
            # below 0 a backward part goes on to the very first
            open_end &= ~(1 << at)
    number = b.take(site, x, order)
    inputs = [number, *(b.ints(held, name) for held, name in ((begin, "begin"), (end, "end"), (step, "steps")))]
    options = {0: Number("i", open_begin), 1: Number("i", open_end)}
    b.put(site, "STRIDED_SLICE", inputs, options, order=order, codes=_own(b, site, number))


def gathered(b: Builder, node: Node) -> None:
    """The rows that indices name."""
    x, indices = node.inputs[:2]
    axis = int(node.attributes.get("axis", 0)) % b.rank(x)
    site = b.site(node, [x])
    _know_rows(b, node)
    number = b.take(site, x)
    if indices in b.view.constants:
        held = b.view.values(indices).astype(np.int64)
        size = b.size(x, axis)
        places = b.keep(np.where(held < 0, held + size, held).astype(np.int32), "indices")
    else:
        places = b.tensor(indices)
    options = {0: Number("i", axis), 1: Number("i", 0)}
    b.put(site, "GATHER", [number, places], options, codes=_own(b, site, number))
    if x in b.meaning:
        # rows have the table's codes, which are of int8 in any case
        rows = b.tensors[b.forms[node.outputs[0], ()]]
        rows.element, rows.codes = b.tensors[number].element, b.tensors[number].codes


def _know_rows(b: Builder, node: Node) -> None:
    """State what a table's codes stand for, if rows of codes are taken of it and become floats behind."""
    table, made = node.inputs[0], node.outputs[0]
    readers = b.view.readers(made)
    if table in b.view.constants and readers and all(reader.op == "DequantizeLinear" for reader in readers):
        codes = b.view.parameters(readers[0])
        if codes is not None and codes.scales.size == 1:
            b.meaning[table] = codes


def repeated(b: Builder, node: Node) -> None:
    """A value several times along its axes, or as large as a shape."""
    x, y = node.inputs[0], node.outputs[0]
    site = b.site(node, [x])
    number = b.take(site, x)
    if node.op == "Tile":
        op, held = "TILE", b.ints(b.view.whole_numbers(node.inputs[1], "repeats"), "repeats")
    else:
        op, held = "BROADCAST_TO", b.ints([b.size(y, axis) for axis in range(b.rank(y))])
    b.put(site, op, [number, held], codes=_own(b, site, number))


def cast(b: Builder, node: Node) -> None:
    """Another element type, of what is not in codes."""
    x = node.inputs[0]
    site, order = Site(node), b.order_of([x])
    b.put(site, "CAST", [b.take(site, x, order)], order=order)


CONVERTERS: Mapping[str, Callable[[Builder, Node], None]] = {
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), reshape),
    **dict.fromkeys(("Identity", "Dropout"), same),
    **dict.fromkeys(("Tile", "Expand"), repeated),
    "Cast": cast,
    "Concat": concatenated,
    "Gather": gathered,
    "Pad": padded,
    "Slice": sliced,
    "Split": split,
    "Transpose": transpose,
}
