"""What a graph and its metadata hint at about sizes that its inputs leave open."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from playground import operators
from playground.engines.batch_axes import batch_axes, open_sizes
from playground.engines.evaluation import evaluate
from playground.errors import PlaygroundError
from playground.model.graph import Graph, Node, ValueInfo
from playground.model.graph_view import GraphView
from playground.operators import Trait, find, view_of
from playground.ptq.input_roles import IMAGE_CHANNELS, role_of
from playground.ptq.made_up import made_up_feeds

SIDES = (224, 320, 640, 128, 256, 64, 96, 160, 192, 384, 416, 512, 299, 48, 32)
"""Heights and widths that are common, the likely ones first."""

LENGTHS = (32, 128, 16, 64, 8, 256, 512)
"""Lengths of sequences of ids or rows."""

SIGNALS = (16_000, 512, 128, 100, 1_600, 3_000)
"""Lengths of sounds and of their spectra."""

PROBED = 64
"""The side with which it is found out how many values a flattened image has."""

SECONDS = 2.0
"""For one such run."""

_SIZE = re.compile(r"imgsz|.*(image|img|input).*(size|shape)|resolution", re.IGNORECASE)

Key = str | tuple[str, int]
"""An open size: its name, or the input and the axis."""

Shapes = dict[str, tuple[int, ...]]


class Hints:
    """Candidates for the open sizes of a graph; whether it runs with them is for others to try."""

    def __init__(self, graph: Graph, metadata: Mapping[str, str]) -> None:
        """Look at every input that leaves a size open."""
        self._graph, self._view = graph, view_of(graph)
        self._axes, self._metadata = batch_axes(graph), metadata
        self._values = {value.name: value for value in graph.inputs}
        self._open = {name: places for name, places in open_sizes(graph).items() if places}
        self._exact: dict[Key, int] = {}
        self._sides: dict[Key, int] = {}
        self._lengths: dict[Key, Sequence[int]] = {}
        for name, places in self._open.items():
            self._sort(self._values[name], places)

    def _sort(self, value: ValueInfo, places: Sequence[int]) -> None:
        known, image = _read_by_product(self._view, value), _image_axes(value)
        for axis in places:
            key = self._key(value, axis)
            if axis in known:
                self._exact[key] = known[axis]
            elif axis in image:
                self._sides[key] = image.index(axis)
            else:
                self._lengths.setdefault(key, self._lengths_of(value))

    @staticmethod
    def _key(value: ValueInfo, axis: int) -> Key:
        dim = (value.shape or ())[axis]
        return dim if isinstance(dim, str) and dim else (value.name, axis)

    def candidates(self) -> Iterator[tuple[Shapes, str]]:
        """Sizes of the inputs that leave some open, the likely ones first, and why: empty where they are common."""
        pairs: list[tuple[tuple[int, int], str]] = [((0, 0), "")]
        if self._sides:
            pairs = [(pair, "from the metadata") for pair in sizes_in(self._metadata)]
            pairs += [((side, side), "fits the graph") for side in self._fitting_sides()]
            pairs += [((side, side), "") for side in SIDES]
        most = max((len(found) for found in self._lengths.values()), default=1)
        seen: set[tuple[Any, ...]] = set()
        for at in range(most):
            for pair, about in pairs:
                shapes = self._shapes(pair, at)
                key = tuple(shapes.values())
                if key not in seen:
                    seen.add(key)
                    yield shapes, about

    def _shapes(self, pair: tuple[int, int], at: int) -> Shapes:
        chosen: dict[Key, int] = dict(self._exact)
        chosen |= {key: pair[place] for key, place in self._sides.items()}
        chosen |= {key: found[min(at, len(found) - 1)] for key, found in self._lengths.items()}
        made: Shapes = {}
        for name in self._open:
            value, axis = self._values[name], self._axes.axes[name]
            made[name] = tuple(
                1 if at == axis else dim if isinstance(dim, int) else chosen[self._key(value, at)]
                for at, dim in enumerate(value.shape or ())
            )
        return made

    def _lengths_of(self, value: ValueInfo) -> Sequence[int]:
        if role_of(self._view, value).kind in ("ids", "mask", "types", "positions"):
            return list(dict.fromkeys((*LENGTHS, *_added_rows(self._view))))
        return SIGNALS + LENGTHS if len(value.shape or ()) == 2 else LENGTHS + SIGNALS

    def _fitting_sides(self) -> Iterator[int]:
        """Sides with which a product after a flattening gets as many values as its weight has rows."""
        first = self._missing(PROBED)
        if first is None:
            return
        have, wanted = (math.sqrt(count) for count in first)
        guess = max(1, round(PROBED * wanted / have))
        second = self._missing(guess)
        side: float = guess
        if second is not None and math.sqrt(second[0]) != have:
            # borders that convolutions leave out make it a line that does not begin at zero
            side = PROBED + (wanted - have) * (guess - PROBED) / (math.sqrt(second[0]) - have)
        near = {step * max(1, round(side / step)) for step in (32, 16, 8, 4, 1)}
        yield from sorted(near, key=lambda candidate: (abs(candidate - side) > 2, -(candidate & -candidate)))

    def _missing(self, side: int) -> tuple[int, int] | None:
        """How many values there are, with this side, where the graph first cannot go on, and how many it wants."""
        values = {name: tensor.numpy() for name, tensor in self._graph.initializers.items() if tensor.dtype != "string"}
        end = time.perf_counter() + SECONDS
        try:
            values |= made_up_feeds(self._graph, self._shapes((side, side), 0), samples=1)
        except PlaygroundError:
            return None
        for node in self._graph.nodes:
            if time.perf_counter() > end:
                return None
            try:
                values.update(evaluate(self._graph, node, values))
            except PlaygroundError:
                return _counts(self._view, node, values)
        return None


def _counts(view: GraphView, node: Node, values: Mapping[str, Any]) -> tuple[int, int] | None:
    """How many values a node that cannot run has for each sample, and how many it wants; None if that is not why."""
    data = values.get(node.inputs[0]) if node.inputs else None
    weight, axis = view.weight(node), view.channel_axis(node)
    if data is None or not data.ndim or not data.size:
        return None
    if weight is not None and weight in view.constants and axis is not None and weight != node.inputs[0]:
        shape = view.constants[weight].shape
        return (data.shape[-1], math.prod(shape) // shape[axis]) if len(shape) == 2 else None
    if find(node) is operators.reshape.OPERATOR:
        target = values.get(node.inputs[1])
        sizes = [] if target is None else [int(size) for size in target.reshape(-1)[1:] if size > 0]
        return (data.size // data.shape[0], math.prod(sizes)) if sizes else None
    return None


def sizes_in(metadata: Mapping[str, str]) -> list[tuple[int, int]]:
    """Heights and widths that metadata state, as in ``imgsz: [640, 640]``."""
    found = []
    for name, text in metadata.items():
        if _SIZE.fullmatch(name):
            numbers = [int(number) for number in re.findall(r"\d{1,5}", text[:100]) if int(number) >= 8]
            if numbers:
                found.append((numbers[-2] if len(numbers) > 1 else numbers[-1], numbers[-1]))
    return found


def _image_axes(value: ValueInfo) -> tuple[int, ...]:
    """The axes of an image's height and width; none if it is not an image."""
    shape = value.shape or ()
    if len(shape) != 4:
        return ()
    return (1, 2) if shape[3] in IMAGE_CHANNELS and shape[1] not in IMAGE_CHANNELS else (2, 3)


def _read_by_product(view: GraphView, value: ValueInfo) -> dict[int, int]:
    """The size of the axis that a product with a constant weight sums over, if one reads the input."""
    waiting, rank = [value.name], len(value.shape or ())
    for name in waiting:
        for node in view.readers(name):
            operator, weight, axis = find(node), view.weight(node), view.channel_axis(node)
            if operator is None:
                continue
            if Trait.REMOVABLE in operator.traits or operator is operators.cast.OPERATOR:
                waiting.append(node.outputs[0])
            elif weight is not None and weight in view.constants and axis is not None and node.inputs[0] == name:
                shape = view.constants[weight].shape
                if Trait.CONVOLUTION in operator.traits and len(shape) > 2 and axis == 0:
                    return {1: shape[1] * int(node.attributes.get("group", 1))}
                if len(shape) == 2:
                    return {rank - 1: math.prod(shape) // shape[axis]}
    return {}


def _added_rows(view: GraphView) -> list[int]:
    """Rows of constants that are added, such as those that tell positions."""
    found = []
    for node in view.graph.nodes:
        if find(node) is operators.add.OPERATOR:
            shapes = (view.constants[name].shape for name in node.inputs if name in view.constants)
            found += [shape[-2] for shape in shapes if len(shape) > 1 and 1 < shape[-2] <= 4096]
    return found
