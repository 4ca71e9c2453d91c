"""Inputs that are made up where none are given: plausible ones, the same every time. They measure nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines.batch_axes import BatchAxes, Feeds, batch_axes
from playground.errors import InvalidInputError, TooLargeError, one_of
from playground.limits import value_bytes
from playground.model.element_types import BY_NAME
from playground.model.graph import Graph, ValueInfo
from playground.operators import view_of
from playground.ptq.images import resized
from playground.ptq.input_roles import IMAGE_CHANNELS, Role, role_of

GENERATED = 8
"""Samples that are made up: enough for every operator to have run, no measurement."""

GENERATED_BYTES = 16 * 2**20
"""Bytes that they may take: of large inputs there are fewer."""

MOST_VALUES = 2**26
"""Of an input that is made up, where its sizes are given: 256 MB of float32."""

STATED_BYTES = 32 * 2**20
"""Of all inputs together, where the model states their sizes and has few constants."""

Shapes = Mapping[str, Sequence[int]]
"""Input name -> its sizes. What it says of the number of samples is not used."""

IMAGE_SIDE, LENGTH = 224, 16
"""Sizes that are named as examples: of an image's height and width, of everything else."""

SAMPLE_RATE = 16_000


def checked_sizes(graph: Graph, shapes: Shapes | None = None) -> dict[str, tuple[int, ...]]:
    """The sizes of every input, 1 along the axis of samples; a name that inputs share has the same size in all.

    Raises:
        InvalidInputError: ``shapes`` names what is no input, contradicts the graph or itself, or leaves a size open.
    """
    shapes, axes = shapes or {}, batch_axes(graph)
    known = [value.name for value in graph.inputs]
    for name in shapes:
        if name not in known:
            raise InvalidInputError(f"the model has no input {name!r}", where="shapes", hint=one_of(name, known))
    named = _named_sizes(graph, shapes, axes)
    found = {}
    for value in graph.inputs:
        given = _given_sizes(value, shapes[value.name], axes.axes[value.name]) if value.name in shapes else None
        declared = value.shape if value.shape is not None else given
        if declared is None or (given is None and any(_open(value, axes, at, named) for at in range(len(declared)))):
            raise _open_error(graph, value, axes)
        found[value.name] = tuple(
            (1 if axes.size is None else axes.size)
            if at == axes.axes[value.name]
            else given[at]
            if given is not None
            else dim
            if isinstance(dim, int)
            else named[str(dim)]
            for at, dim in enumerate(declared)
        )
    return found


def example_shapes(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Sizes as one might give them, for the inputs that leave some open; whether the graph takes them is not tried."""
    axes = batch_axes(graph)
    found = {}
    for value in graph.inputs:
        shape = value.shape if value.shape is not None else (None,)
        side = IMAGE_SIDE if len(shape) == 4 and {shape[1], shape[3]}.intersection(IMAGE_CHANNELS) else LENGTH
        if any(not isinstance(dim, int) and at != axes.axes[value.name] for at, dim in enumerate(shape)):
            found[value.name] = tuple(
                1 if at == axes.axes[value.name] else dim if isinstance(dim, int) else side
                for at, dim in enumerate(shape)
            )
    return found


def as_option(shapes: Shapes) -> str:
    """Sizes as the command line takes them: ``--shape x=1,3,224,224``."""
    return " ".join(f"--shape {name}={','.join(map(str, sizes))}" for name, sizes in shapes.items())


def _open(value: ValueInfo, axes: BatchAxes, at: int, named: Mapping[str, int]) -> bool:
    dim = (value.shape or ())[at]
    return at != axes.axes[value.name] and not isinstance(dim, int) and dim not in named


def _open_error(graph: Graph, value: ValueInfo, axes: BatchAxes) -> InvalidInputError:
    example = example_shapes(graph) or {value.name: (1, LENGTH)}
    return InvalidInputError(
        "the input has an open size, so no calibration data can be generated",
        where=f"input {value.name!r}",
        hint=f"Give calibration data, or sizes, for instance shapes={example}",
        at_terminal=f"Give --calibration, or sizes, for instance {as_option(example)}",
    )


def _named_sizes(graph: Graph, shapes: Shapes, axes: BatchAxes) -> dict[str, int]:
    """What the given shapes say of sizes that have names."""
    named: dict[str, int] = {}
    for value in graph.inputs:
        if value.name not in shapes or value.shape is None:
            continue
        given = _given_sizes(value, shapes[value.name], axes.axes[value.name])
        for at, (dim, size) in enumerate(zip(value.shape, given, strict=True)):
            if isinstance(dim, str) and at != axes.axes[value.name] and named.setdefault(dim, size) != size:
                raise InvalidInputError(
                    f"the size {dim!r} is {named[dim]} in one input and {size} in {value.name!r}",
                    where="shapes",
                    hint="Give the same size in both",
                )
    return named


def _given_sizes(value: ValueInfo, sizes: Sequence[int], axis: int | None) -> tuple[int, ...]:
    """Sizes that an input can have."""
    where = f"shape of {value.name!r}"
    if not all(isinstance(size, int | np.integer) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise InvalidInputError(f"{list(sizes)} are not sizes", where=where, hint="Use positive integers")
    if math.prod(int(size) for size in sizes) > MOST_VALUES:
        raise InvalidInputError(
            f"{list(sizes)} are too many values", where=where, hint=f"Use at most {MOST_VALUES} for each input"
        )
    declared = value.shape
    if declared is not None:
        fits = len(declared) == len(sizes) and all(
            at == axis or not isinstance(dim, int) or dim == size
            for at, (dim, size) in enumerate(zip(declared, sizes, strict=True))
        )
        if not fits:
            wanted = ", ".join("?" if dim is None else str(dim) for dim in declared)
            raise InvalidInputError(
                f"{list(sizes)} does not fit this input", where=where, hint=f"Give sizes for [{wanted}]"
            )
    return tuple(int(size) for size in sizes)


def made_up_feeds(graph: Graph, shapes: Shapes | None = None, samples: int = GENERATED) -> Feeds:
    """Inputs for a graph, several samples where it takes them one after the other.

    Ids lie within the table that the graph takes rows from, masks hide nothing, images are smooth and in the graph's
    range, sizes are positive, states small, other numbers normally distributed.

    Args:
        graph: whose inputs.
        shapes: sizes of inputs that the graph leaves open.
        samples: how many samples; fewer where they would take much memory, a multiple of what the graph takes at once.

    Raises:
        InvalidInputError: a size besides the number of samples is open; an input takes texts.
        TooLargeError: the inputs would take too much memory.
    """
    axes, sizes, view = batch_axes(graph), checked_sizes(graph, shapes), view_of(graph)
    whole = sum(4 * math.prod(shape) for shape in sizes.values())
    _require_room(graph, shapes or {}, whole)
    each = whole // (axes.size or 1)
    count = max(1, min(samples, GENERATED_BYTES // max(1, each)))
    count = -(-count // (axes.size or 1)) * (axes.size or 1)
    one_by_one = all(axis is None for axis in axes.axes.values())
    rng, made = np.random.default_rng(0), {}
    roles = {value.name: role_of(view, value) for value in graph.inputs}
    about = _About(graph, sizes, roles)
    for value in graph.inputs:
        axis, shape = axes.axes[value.name], list(sizes[value.name])
        if axis is not None:
            shape[axis] = count
        elif one_by_one:
            shape = [count, *shape]
        made[value.name] = _values(value, roles[value.name], shape, rng, about)
    return made


def _require_room(graph: Graph, shapes: Shapes, nbytes: int) -> None:
    """Raise TooLargeError: the model states sizes out of proportion to its constants, and they were not given."""
    constants = sum(tensor.nbytes for tensor in graph.initializers.values())
    most = max(STATED_BYTES, value_bytes(constants), 4 * MOST_VALUES if shapes else 0)
    if nbytes > most:
        raise TooLargeError(
            f"the inputs would take {nbytes} bytes, and at most {most} are made up for this model",
            where=graph.name,
            hint="Give calibration data",
            at_terminal="Give --calibration or --data",
        )


class _About:
    """What inputs tell about each other: how large the images are, how long the sequences."""

    def __init__(self, graph: Graph, sizes: Mapping[str, tuple[int, ...]], roles: Mapping[str, Role]) -> None:
        self.image: tuple[int, int] | None = None
        self.length = 1
        for value in graph.inputs:
            shape, role = sizes[value.name], roles[value.name]
            if role.kind == "image":
                self.image = (shape[1], shape[2]) if role.channels_last else (shape[2], shape[3])
            elif role.kind in ("ids", "values") and len(shape) > 1:
                self.length = max(self.length, shape[1])


def _values(value: ValueInfo, role: Role, shape: list[int], rng: np.random.Generator, about: _About) -> NDArray[Any]:
    element = BY_NAME.get(value.dtype)
    if value.dtype == "string" or element is None:
        raise InvalidInputError(
            f"values of type {value.dtype or 'unknown'} cannot be made up",
            where=f"input {value.name!r}",
            hint="Give calibration data",
            at_terminal="Give --calibration",
        )
    stored = np.dtype(element.stored or np.float32)
    match role.kind:
        case "ids":
            made: NDArray[Any] = rng.integers(0, role.rows, shape)
        case "positions":
            steps = np.minimum(np.arange(shape[-1]), max(0, role.rows - 1) if role.rows else shape[-1])
            made = np.broadcast_to(steps, shape)
        case "types":
            made = np.zeros(shape)
        case "mask":
            made = np.full(shape, role.neutral)
        case "flag":
            made = np.ones(shape)
        case "image":
            made = _images(shape, role, rng)
        case "sizes":
            made = _sizes(value.name.lower(), shape, about)
        case "state":
            made = 0.1 * rng.normal(size=shape)
        case _:
            made = rng.integers(0, 2, shape) if stored.kind in "iu" else rng.normal(size=shape)
    return made.astype(stored)


def _images(shape: Sequence[int], role: Role, rng: np.random.Generator) -> NDArray[Any]:
    """Smooth pictures: a few random patches of light, blurred, with a little noise, all values within the range."""
    if not math.prod(shape):
        return np.zeros(shape, np.float32)
    height, width, channels = shape[-3:] if role.channels_last else (*shape[-2:], shape[-3])
    pictures = []
    for _ in range(math.prod(shape[:-3])):
        patches = rng.random((int(rng.integers(2, 9)), int(rng.integers(2, 9)), channels)).astype(np.float32)
        smooth = resized(patches, height, width) + 0.03 * rng.normal(size=(height, width, channels))
        picture = np.clip(smooth, 0, 1) * role.highest
        pictures.append(picture if role.channels_last else picture.transpose(2, 0, 1))
    return np.stack(pictures).reshape(shape)


def _sizes(name: str, shape: Sequence[int], about: _About) -> NDArray[Any]:
    """Sizes, lengths and factors: of what the other inputs are, all positive."""
    if any(word in name for word in ("scale", "ratio", "factor")):
        return np.ones(shape)
    if "rate" in name or name == "sr":
        return np.full(shape, SAMPLE_RATE)
    if shape and shape[-1] in (2, 3) and not any(word in name for word in ("len", "num", "count")):
        sides = (*(about.image or (IMAGE_SIDE, IMAGE_SIDE)), 3)[: shape[-1]]
        return np.broadcast_to(np.array(sides), tuple(shape))
    return np.full(shape, about.length)
