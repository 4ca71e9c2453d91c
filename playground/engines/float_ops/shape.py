"""Operators that move values about, and those about shapes and types."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from playground.engines.float_ops._op import Array, Call, FloatOp
from playground.errors import UnsupportedError
from playground.model.element_types import BY_ONNX


def reshape(call: Call, x: Array, shape: Array) -> Array:
    """A new shape: -1 is what is left, 0 the input's own size there (unless ``allowzero``)."""
    sizes = [int(n) for n in shape]
    if not call.get("allowzero", 0):
        sizes = [x.shape[axis] if n == 0 else n for axis, n in enumerate(sizes)]
    return x.reshape(sizes)


def flatten(call: Call, x: Array) -> Array:
    """Two axes: what is before ``axis``, and the rest."""
    axis = call.get("axis", 1)
    lead = math.prod(x.shape[: axis if axis >= 0 else x.ndim + axis])
    return x.reshape(lead, x.size // lead if lead else math.prod(x.shape[axis:]))


def transpose(call: Call, x: Array) -> Array:
    """Axes in the order ``perm``, by default reversed."""
    return np.transpose(x, call.get("perm"))


def squeeze(call: Call, x: Array, given: Array | None = None) -> Array:
    """Without the given axes of size 1, or without all of them."""
    axes = call.axes(given)
    return np.squeeze(x, None if axes is None else tuple(axes))


def unsqueeze(call: Call, x: Array, given: Array | None = None) -> Array:
    """With new axes of size 1 at the given places of the result."""
    return np.expand_dims(x, tuple(call.axes(given) or []))


def concat(call: Call, *inputs: Array) -> Array:
    """Inputs one after the other along ``axis``."""
    return np.concatenate(inputs, call.get("axis"))


def split(call: Call, x: Array, given: Array | None = None) -> tuple[Array, ...]:
    """Pieces along ``axis``, of the given sizes or (but for the last one) equal."""
    axis, sizes = call.get("axis", 0), call.get("split") if given is None else given.tolist()
    if sizes is None:
        step = -(-x.shape[axis] // call.outputs)
        sizes = [step] * (call.outputs - 1)
    return tuple(np.split(x, np.cumsum(sizes)[: call.outputs - 1], axis))


def gather(call: Call, x: Array, indices: Array) -> Array:
    """Slices of x along ``axis``; a negative index counts from the end."""
    return np.take(x, indices, call.get("axis", 0))


def slice_(call: Call, x: Array, *limits: Array | None) -> Array:
    """Parts of axes, limits cut to what there is. Inputs: starts, ends, axes, steps; attributes before opset 10."""
    starts, ends, axes, steps = (*limits, None, None, None, None)[:4]
    first = [int(n) for n in (call.get("starts") if starts is None else starts)]
    last = [int(n) for n in (call.get("ends") if ends is None else ends)]
    places = call.axes(axes) or list(range(len(first)))
    step = [1] * len(first) if steps is None else [int(n) for n in steps]
    index: list[Any] = [slice(None)] * x.ndim
    for axis, start, end, by in zip(places, first, last, step, strict=True):
        # Python cuts limits likewise; only "before the first element" has no number of its own
        index[axis] = slice(start, None if by < 0 and end < -x.shape[axis] else end, by)
    return np.asarray(x[tuple(index)])


def pad(call: Call, x: Array, *given: Array | None) -> Array:
    """Padding before and after axes: constant, edge, reflect or wrap; negative widths cut off.

    Inputs: widths, value, axes; attributes before opset 11.
    """
    pads, value, axes = (*given, None, None, None)[:3]
    widths = [int(n) for n in (call.get("pads") if pads is None else pads)]
    places = [int(axis) for axis in axes] if axes is not None else list(range(x.ndim))
    mode = call.get("mode", "constant")
    index: list[Any] = [slice(None)] * x.ndim
    before_after = [(0, 0)] * x.ndim
    for axis, before, after in zip(places, widths[: len(places)], widths[len(places) :], strict=True):
        index[axis] = slice(max(0, -before), x.shape[axis] - max(0, -after))
        before_after[axis] = (max(0, before), max(0, after))
    kept = x[tuple(index)]
    if mode != "constant":
        return np.pad(kept, before_after, mode)
    constant = call.get("value", 0.0) if value is None else value.reshape(-1)[0]
    return np.pad(kept, before_after, constant_values=constant)


def expand(call: Call, x: Array, shape: Array) -> Array:
    """X broadcast together with a shape."""
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(int(n) for n in shape)))


def tile(call: Call, x: Array, repeats: Array) -> Array:
    """X repeated along every axis."""
    return np.tile(x, tuple(int(n) for n in repeats))


def shape_of(call: Call, x: Array) -> Array:
    """The sizes of the axes from ``start`` to ``end``, int64."""
    return np.array(x.shape[call.get("start", 0) : call.get("end")], np.int64)


def size_of(call: Call, x: Array) -> Array:
    """The number of elements, int64."""
    return np.array(x.size, np.int64)


def constant_of_shape(call: Call, shape: Array) -> Array:
    """One value (float32 zero by default) in a shape."""
    value = call.get("value", np.zeros(1, np.float32))
    return np.full(tuple(int(n) for n in shape), value.reshape(-1)[0], value.dtype)


def range_(call: Call, start: Array, limit: Array, delta: Array) -> Array:
    """From start up to limit, without it, in steps of delta."""
    return np.arange(start.item(), limit.item(), delta.item()).astype(start.dtype)


def cast(call: Call, x: Array) -> Array:
    """Another element type. Raises UnsupportedError for one that NumPy has not."""
    element = BY_ONNX.get(call.get("to"))
    if element is None or not element.stored:
        raise UnsupportedError(f"Cast to {element.name if element else 'text'} is not available here")
    return x.astype(element.stored)


def dropout(call: Call, x: Array, *_: Array | None) -> Array | tuple[Array, Array]:
    """At inference the identity, and a mask that keeps everything."""
    return (x, np.ones(x.shape, bool)) if call.outputs > 1 else x


OPS = (
    FloatOp("Reshape", reshape),
    FloatOp("Flatten", flatten),
    FloatOp("Transpose", transpose),
    FloatOp("Squeeze", squeeze),
    FloatOp("Unsqueeze", unsqueeze),
    FloatOp("Concat", concat),
    FloatOp("Split", split),
    FloatOp("Gather", gather),
    FloatOp("Slice", slice_),
    FloatOp("Pad", pad),
    FloatOp("Expand", expand),
    FloatOp("Tile", tile),
    FloatOp("Shape", shape_of),
    FloatOp("Size", size_of),
    FloatOp("ConstantOfShape", constant_of_shape),
    FloatOp("Range", range_),
    FloatOp("Cast", cast),
    FloatOp("Dropout", dropout),
)
