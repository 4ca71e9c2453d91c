"""Planning of what moves codes and leaves them what they are: shapes, orders of axes, slices, lookups of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines import integer_ops as ops
from playground.engines import program as p
from playground.engines.integer_ops import Box
from playground.engines.plan_elementwise import folded, is_constant
from playground.engines.plan_windows import reshaped
from playground.engines.planner import (
    CodeFunction,
    Codes,
    Constant,
    ConstantDequantized,
    Deferred,
    Dequantized,
    Dynamic,
    Planner,
    Symbol,
)
from playground.errors import UnsupportedError
from playground.model.graph import Node

MOST_AXES = 6

Value = Codes | Dequantized | CodeFunction | Dynamic


def moved_constant(
    symbol: Constant | ConstantDequantized, move: Callable[[NDArray[Any]], NDArray[Any]]
) -> Constant | ConstantDequantized:
    """A constant after a move; it keeps its codes if one scale is theirs."""
    if isinstance(symbol, ConstantDequantized):
        if symbol.axis is None and symbol.scale.size == 1:
            scale, zero_point = symbol.scale.reshape(()), symbol.zero_point.reshape(())
            return ConstantDequantized(np.asarray(move(symbol.codes)), scale, zero_point, None)
        return Constant(np.asarray(move(symbol.real())))
    return Constant(np.asarray(move(symbol.array)))


def _to_shape(planner: Planner, node: Node, shape: tuple[int, ...]) -> Symbol:
    symbol, output = planner.symbol(node.inputs[0]), node.outputs[0]
    if isinstance(symbol, (Constant, ConstantDequantized)):
        return moved_constant(symbol, lambda x: x.reshape(shape))
    if isinstance(symbol, Deferred):
        return reshaped(planner, symbol, shape)
    planner.emit(p.Reshape((symbol.value,), output), shape, planner.values[symbol.value].dtype)
    return replace(symbol, value=output)


def flatten(planner: Planner, node: Node) -> Symbol:
    """Flatten to two axes."""
    shape = planner.shape(node.inputs[0])
    axis = int(node.attributes.get("axis", 1))
    axis += len(shape) if axis < 0 else 0
    return _to_shape(planner, node, (int(np.prod(shape[:axis])), int(np.prod(shape[axis:]))))


def reshape(planner: Planner, node: Node) -> Symbol:
    """Reshape to a known shape, with ONNX's 0 (keep) and -1 (the rest)."""
    old = planner.shape(node.inputs[0])
    wanted = [int(n) for n in planner.known(node.inputs[1], "shape")]
    if not node.attributes.get("allowzero", 0):
        wanted = [old[i] if n == 0 else n for i, n in enumerate(wanted)]
    size = int(np.prod(old, dtype=np.int64))
    if -1 in wanted:
        wanted[wanted.index(-1)] = size // -int(np.prod(wanted, dtype=np.int64))
    if int(np.prod(wanted, dtype=np.int64)) != size:
        raise UnsupportedError(f"{old} cannot become {tuple(wanted)}")
    return _to_shape(planner, node, tuple(wanted))


def _axes(planner: Planner, node: Node, rank: int) -> list[int] | None:
    given = node.attributes.get("axes")
    if given is None and len(node.inputs) > 1 and node.inputs[1]:
        given = planner.known(node.inputs[1], "list of axes").reshape(-1)
    return None if given is None else [int(a) % rank for a in given]


def squeeze(planner: Planner, node: Node) -> Symbol:
    """Squeeze of the named axes, or of all of size 1."""
    shape = planner.shape(node.inputs[0])
    axes = _axes(planner, node, max(len(shape), 1))
    gone = [i for i, n in enumerate(shape) if n == 1] if axes is None else axes
    return _to_shape(planner, node, tuple(n for i, n in enumerate(shape) if i not in gone))


def unsqueeze(planner: Planner, node: Node) -> Symbol:
    """Unsqueeze: new axes of size 1."""
    shape = list(planner.shape(node.inputs[0]))
    count = len(node.attributes.get("axes", ())) or planner.known(node.inputs[1], "list of axes").size
    for axis in sorted(_axes(planner, node, len(shape) + count) or ()):
        shape.insert(axis, 1)
    return _to_shape(planner, node, tuple(shape))


def viewed(planner: Planner, symbol: Value, name: str, box: Box) -> Value:
    """A box of a value."""
    if len(box.shape) > MOST_AXES or 0 in box.shape:
        raise UnsupportedError(f"a result of shape {box.shape} is not handled")
    planner.emit(p.View((symbol.value,), name, box), box.shape, planner.values[symbol.value].dtype)
    return replace(symbol, value=name)


def turned(shape: Sequence[int], order: Sequence[int]) -> Box:
    """All of an array, its axes in another order."""
    return Box(tuple(order), (0,) * len(order), (1,) * len(order), tuple(shape[a] for a in order))


def _part_of(planner: Planner, node: Node, output: str, box: Box) -> Symbol:
    """A box of whatever a node's first input is."""
    symbol = planner.symbol(node.inputs[0])
    if isinstance(symbol, (Constant, ConstantDequantized)):
        return moved_constant(symbol, box.of)
    if not isinstance(symbol, Deferred):
        return viewed(planner, symbol, output, box)
    pending = symbol

    def emit(name: str, scale: np.float32, to: ops.Target) -> None:
        inner = f"{name}:whole"
        pending.emit(inner, scale, to)
        viewed(planner, Codes(inner), name, box)

    return Deferred(box.shape, emit)


def transpose(planner: Planner, node: Node) -> Symbol:
    """Transpose: any order of axes."""
    shape = planner.shape(node.inputs[0])
    order = [int(a) for a in node.attributes.get("perm", range(len(shape))[::-1])]
    return _part_of(planner, node, node.outputs[0], turned(shape, order))


def expand(planner: Planner, node: Node) -> Symbol:
    """Expand by repeating axes of size 1."""
    old = planner.shape(node.inputs[0])
    shape = np.broadcast_shapes(old, tuple(int(n) for n in planner.known(node.inputs[1], "shape")))
    extra = len(shape) - len(old)
    axes = tuple(i - extra if i >= extra and old[i - extra] == n else -1 for i, n in enumerate(shape))
    return _part_of(planner, node, node.outputs[0], Box(axes, (0,) * len(axes), (1,) * len(axes), shape))


def _slice_inputs(planner: Planner, node: Node) -> list[list[int] | None]:
    """Starts, ends, axes and steps, from inputs (from opset 10 on) or attributes."""
    if planner.graph.opset < 10:
        return [
            [int(n) for n in given] if given else None
            for given in map(node.attributes.get, ("starts", "ends", "axes", "steps"))
        ]
    names = [*node.inputs[1:5], *[""] * (5 - len(node.inputs))]
    return [[int(n) for n in planner.known(name, "range").reshape(-1)] if name else None for name in names]


def slice_(planner: Planner, node: Node) -> Symbol:
    """Slice with constant ranges."""
    shape = planner.shape(node.inputs[0])
    starts, ends, axes, steps = _slice_inputs(planner, node)
    if starts is None or ends is None:
        raise UnsupportedError("it has no range")
    chosen: list[slice] = [slice(None)] * len(shape)
    for i, axis in enumerate(axes or range(len(starts))):
        step = steps[i] if steps else 1
        before_the_first = step < 0 and ends[i] < -shape[axis]
        chosen[axis % len(shape)] = slice(starts[i], None if before_the_first else ends[i], step)
    ranges = [range(*s.indices(n)) for s, n in zip(chosen, shape, strict=True)]
    starts_at, by = (tuple(getattr(r, end) for r in ranges) for end in ("start", "step"))
    box = Box(tuple(range(len(shape))), starts_at, by, tuple(len(r) for r in ranges))
    return _part_of(planner, node, node.outputs[0], box)


def split(planner: Planner, node: Node) -> tuple[Symbol, ...]:
    """Split along an axis, into equal or stated parts."""
    shape = planner.shape(node.inputs[0])
    axis, count = int(node.attributes.get("axis", 0)) % len(shape), len(node.outputs)
    sizes = node.attributes.get("split")
    if sizes is None and len(node.inputs) > 1 and node.inputs[1]:
        sizes = planner.known(node.inputs[1], "list of sizes")
    part = -(-shape[axis] // count)
    sizes = [min(part, shape[axis] - i * part) for i in range(count)] if sizes is None else [int(n) for n in sizes]
    made, axes, ones = [], tuple(range(len(shape))), (1,) * len(shape)
    for i, output in enumerate(node.outputs):
        starts = tuple(sum(sizes[:i]) if a == axis else 0 for a in axes)
        into = tuple(sizes[i] if a == axis else n for a, n in enumerate(shape))
        made.append(_part_of(planner, node, output, Box(axes, starts, ones, into)))
    return tuple(made)


def concat(planner: Planner, node: Node) -> Symbol:
    """Concat: every part is brought to the output's scale."""
    if all(is_constant(planner, name) for name in node.inputs):
        return folded(planner, node)
    symbols = [planner.symbol(name) for name in node.inputs]
    shapes = [planner.shape(name) for name in node.inputs]
    axis = int(node.attributes.get("axis", 1)) % len(shapes[0])
    shape = tuple(sum(s[axis] for s in shapes) if a == axis else n for a, n in enumerate(shapes[0]))
    if any(isinstance(symbol, (Codes, Constant)) for symbol in symbols):
        raise UnsupportedError("an input is neither quantized nor a quantized constant")
    parts = [
        planner.codes(n) if isinstance(s, ConstantDequantized) else s for n, s in zip(node.inputs, symbols, strict=True)
    ]

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        names = tuple(_part(planner, part, f"{output}:{i}", scale, to) for i, part in enumerate(parts))
        planner.emit(p.Concat(names, output, axis), shape, to.dtype)

    return Deferred(shape, emit)


def _part(planner: Planner, part: Symbol, name: str, scale: np.float32, to: ops.Target) -> str:
    if isinstance(part, Dequantized) and to.dtype != "float32":
        limits = np.iinfo(to.dtype)
        whole = (limits.min - to.zero_point, limits.max - to.zero_point) == (to.lo, to.hi)
        as_is = (part.scale, part.zero_point, planner.values[part.value].dtype) == (scale, to.zero_point, to.dtype)
        if whole and as_is:
            return part.value
    planner.pending(part).emit(name, scale, to)
    return name


def gather(planner: Planner, node: Node) -> Symbol:
    """Gather along an axis; an embedding is a gather from constant codes."""
    table = planner.symbol(node.inputs[0])
    if isinstance(table, (Constant, ConstantDequantized)) and is_constant(planner, node.inputs[1]):
        places = planner.known(node.inputs[1], "list of indices")
        return moved_constant(table, lambda x: np.take(x, places, int(node.attributes.get("axis", 0))))
    data = _gathered_from(planner, node.inputs[0])
    indices_at = planner.symbol(node.inputs[1])
    if isinstance(indices_at, Constant):
        source = planner.constant(f"{node.inputs[1]}:indices", indices_at.array.astype(np.int64))
    elif isinstance(indices_at, Codes) and planner.values[indices_at.value].dtype in ("int32", "int64"):
        source = indices_at.value
    else:
        raise UnsupportedError("its indices are no integers")
    shape, chosen = planner.values[data.value].shape, planner.values[source].shape
    axis = int(node.attributes.get("axis", 0)) % len(shape)
    _check_places(indices_at, shape[axis])
    step = p.Gather((data.value, source), node.outputs[0], axis)
    out_shape = (*shape[:axis], *chosen, *shape[axis + 1 :])
    planner.emit(step, out_shape, planner.values[data.value].dtype)
    return replace(data, value=node.outputs[0])


def _check_places(indices: Symbol, rows: int) -> None:
    if isinstance(indices, Constant) and (indices.array.min() < -rows or indices.array.max() >= rows):
        raise UnsupportedError(f"it has indices that are not below {rows}")


def _gathered_from(planner: Planner, name: str) -> Value:
    symbol = planner.symbol(name)
    if isinstance(symbol, ConstantDequantized):
        return planner.codes(name)
    if isinstance(symbol, Deferred) or (isinstance(symbol, Constant) and symbol.array.dtype.kind == "f"):
        raise UnsupportedError("its table is not quantized")
    if isinstance(symbol, Constant):
        return Codes(planner.constant(name, symbol.array))
    return symbol
