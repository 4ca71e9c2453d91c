"""Keras's layers that join values or move them, and those that do nothing once a model is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from playground.errors import UnsupportedError
from playground.model.graph import Dim
from playground.model.readers._keras_builder import Builder, Shape, Value
from playground.model.readers._keras_layers import Converter, axis_of, moved_axis


def _flattened(b: Builder, inputs: Sequence[Value]) -> Value:
    x = inputs[0]
    if b.layer.config.get("data_format") == "channels_first" and x.rank > 2:
        raise UnsupportedError("channels first")
    sizes = x.shape[1:]
    whole = math.prod(size for size in sizes if isinstance(size, int))
    size = whole if all(isinstance(size, int) for size in sizes) else None
    # an image of one pixel needs no other order of axes
    first = b.is_first([x]) and all(size == 1 for size in sizes[:-1])
    return Value((x.shape[0], size), b.emit("Flatten", [b.pick(x, first)], axis=1))


def _reshaped(b: Builder, inputs: Sequence[Value]) -> Value:
    x, target = inputs[0], b.given("target_shape")
    if not all(isinstance(size, int) and (size > 0 or size == -1) for size in target) or target.count(-1) > 1:
        raise UnsupportedError(f"the shape {target!r:.40}")
    sizes: list[Dim] = list(target)
    if -1 in target:
        known = all(isinstance(size, int) for size in x.shape[1:])
        rest = math.prod(size for size in target if size > 0)
        whole = math.prod(size for size in x.shape[1:] if isinstance(size, int))
        sizes[target.index(-1)] = whole // rest if known else None
    return Value((x.shape[0], *sizes), b.emit("Reshape", [b.plain(x), b.ints([0, *target])]))


def _permuted(b: Builder, inputs: Sequence[Value]) -> Value:
    x, dims = inputs[0], b.given("dims")
    if sorted(dims) != list(range(1, x.rank)):
        raise UnsupportedError(f"the order {dims!r:.40}")
    order = [0, *dims]
    return Value(tuple(x.shape[axis] for axis in order), b.emit("Transpose", [b.plain(x)], perm=order))


def _merged(op: str) -> Converter:
    """Values of one rank, element by element."""

    def convert(b: Builder, inputs: Sequence[Value]) -> Value:
        if len(inputs) < 2 or len({x.rank for x in inputs}) != 1:
            raise UnsupportedError("values of different ranks" if len(inputs) > 1 else "one value")
        first = b.is_first(inputs)
        given = [b.pick(x, first) for x in inputs]
        made = given[0]
        for other in given[1:]:
            made = b.emit(op, [made, other])
        if b.layer.kind == "Average":
            made = b.emit("Mul", [made, b.number(1 / len(given), "share")])
        return b.made(made, _broadcast([x.shape for x in inputs]), first)

    return convert


def _broadcast(shapes: Sequence[Shape]) -> Shape:
    return tuple(next((size for size in sizes if size != 1), 1) for sizes in zip(*shapes, strict=True))


def _concatenated(b: Builder, inputs: Sequence[Value]) -> Value:
    rank = inputs[0].rank
    if len({x.rank for x in inputs}) != 1:
        raise UnsupportedError("values of different ranks")
    axis = axis_of(b.layer.config.get("axis", -1), rank)
    first = b.is_first(inputs)
    made = b.emit("Concat", [b.pick(x, first) for x in inputs], axis=moved_axis(axis, rank, first))
    sizes = [x.shape[axis] for x in inputs]
    shape = list(inputs[0].shape)
    shape[axis] = sum(size for size in sizes if isinstance(size, int)) if None not in sizes else None
    return b.made(made, tuple(shape), first)


def _same(b: Builder, inputs: Sequence[Value]) -> Value:
    """What only training changes."""
    return inputs[0]


CONVERTERS: Mapping[str, Converter] = {
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout"), _same),
    **dict.fromkeys(("GaussianNoise", "GaussianDropout", "ActivityRegularization", "Identity"), _same),
    **{"Add": _merged("Add"), "Average": _merged("Add"), "Subtract": _merged("Sub"), "Multiply": _merged("Mul")},
    **{"Maximum": _merged("Max"), "Minimum": _merged("Min"), "Concatenate": _concatenated},
    **{"Flatten": _flattened, "Permute": _permuted, "Reshape": _reshaped},
}
