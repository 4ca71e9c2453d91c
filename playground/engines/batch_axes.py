"""Where samples lie: the axis of each input along which a graph takes them, and how many of them at once.

The file says no more about it than names and sizes. So an axis counts samples if it is called "batch", "N" or the
like; or if it is the first one, open, and the outputs have an open one too; or, where all sizes are fixed, if it is as
long as an axis of the outputs. A recurrent model's ``[5, "N", 6]`` has it in the middle, ``[2]`` (the size of an image)
or a single number has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError
from playground.model.graph import Dim, Graph, ValueInfo

Feeds = dict[str, NDArray[Any]]

_SURE = re.compile(r"\w*batch\w*", re.IGNORECASE)
_LIKELY = re.compile(r"n|b|bs|nb|samples?|num_samples|n_samples|num_images|images?", re.IGNORECASE)
_OTHER = re.compile(
    r"h|w|t|l|s|c|d|k|\w*(height|width|seq|len|time|frame|token|channel|point|box|roi|past|step|audio|class|feature)\w*"
    r"|num_\w+|n_\w+",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"unk\w*|dynamic\W?\w*|\w*_dynamic_axes_\d+|dim\w*|s?\d+|\?", re.IGNORECASE)
"""Names that exporters give to sizes without a name."""


@dataclass(frozen=True, slots=True)
class BatchAxes:
    """Where the samples of a graph's inputs lie.

    Attributes:
        axes: input -> the axis along which its samples lie; None: it has none, and every feed gets all of it.
        size: how many samples the graph takes at once; None: it leaves that open.
        stacked: inputs without such an axis whose arrays have one more in front, with an entry for each feed.
    """

    axes: Mapping[str, int | None]
    size: int | None = None
    stacked: frozenset[str] = field(default=frozenset())

    def counts(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, int]:
        """How many samples each input has that can have several."""
        found: dict[str, int] = {}
        for name, values in feeds.items():
            axis = self.axes.get(name)
            if name in self.stacked:
                found[name] = len(values) * (self.size or 1)
            elif axis is not None and axis < values.ndim:
                found[name] = values.shape[axis]
        return found

    def count(self, feeds: Mapping[str, NDArray[Any]]) -> int:
        """How many samples there are; 1 where no input can have several.

        Raises:
            InvalidInputError: inputs differ in their number.
        """
        counts = self.counts(feeds)
        if len(set(counts.values())) > 1:
            raise InvalidInputError(
                f"inputs have different numbers of samples: {counts}",
                where="inputs",
                hint="Give the same number for each, or a list of feeds, each with all inputs",
            )
        return next(iter(counts.values()), 1)

    def count_of_batch(self, batch: Mapping[str, NDArray[Any]]) -> int:
        """How many samples there are in what :meth:`feed` gave."""
        counts = self.counts({name: values for name, values in batch.items() if name not in self.stacked})
        return next(iter(counts.values()), self.size or 1)

    def part(self, feeds: Mapping[str, NDArray[Any]], start: int, stop: int) -> Feeds:
        """The samples from ``start`` to before ``stop``, as views."""
        entries = slice(start // (self.size or 1), -(-stop // (self.size or 1)))
        return {name: self._cut(name, values, slice(start, stop), entries) for name, values in feeds.items()}

    def take(self, feeds: Mapping[str, NDArray[Any]], samples: NDArray[np.intp]) -> Feeds:
        """The samples of these numbers, in this order."""
        entries = np.unique(samples // (self.size or 1))
        return {name: self._cut(name, values, samples, entries) for name, values in feeds.items()}

    def feed(self, feeds: Mapping[str, NDArray[Any]], start: int, stop: int) -> Feeds:
        """The samples from ``start`` to before ``stop`` as the graph takes them; no more than it takes at once."""
        return self.unstacked(self.part(feeds, start, stop))

    def first(self, feeds: Mapping[str, NDArray[Any]], most: int) -> Feeds:
        """The first samples as the graph takes them: ``most`` of them, or as many as it takes at once."""
        return self.feed(feeds, 0, self.size or most)

    def unstacked(self, feeds: Mapping[str, NDArray[Any]]) -> Feeds:
        """What the graph takes: of what is stacked the first entry."""
        return {name: values[0] if name in self.stacked else values for name, values in feeds.items()}

    def by_sample(self, name: str, values: NDArray[Any], count: int) -> NDArray[Any]:
        """An input's values in rows, one for each of ``count`` samples; a single row where it has no axis for them."""
        if name in self.stacked:
            return np.repeat(values.reshape(len(values), -1), self.size or 1, axis=0)
        axis = self.axes.get(name)
        if axis is None or axis >= values.ndim:
            return values.reshape(1, -1)
        return np.moveaxis(values, axis, 0).reshape(count, -1)

    def _cut(self, name: str, values: NDArray[Any], samples: Any, entries: Any) -> NDArray[Any]:
        axis = 0 if name in self.stacked else self.axes.get(name)
        if axis is None or axis >= values.ndim:
            return values
        cut: NDArray[Any] = values[(slice(None),) * axis + (entries if name in self.stacked else samples,)]
        return cut


def batch_axes(graph: Graph) -> BatchAxes:
    """The axes along which a graph takes samples, as far as its names and sizes tell."""
    names = _names(graph)
    open_outputs = any(not isinstance(dim, int) for dim in _firsts(graph.outputs))
    axes = {value.name: _open_axis(value, names, open_outputs) for value in graph.inputs}
    if any(axis is not None for axis in axes.values()):
        return BatchAxes(axes)
    if open_outputs:
        axes = {value.name: _only_open_axis(value) for value in graph.inputs}
        if any(axis is not None for axis in axes.values()):
            return BatchAxes(axes)
    size = _fixed_size(graph)
    return BatchAxes({value.name: _fixed_axis(value, size) for value in graph.inputs}, size)


def _dims(value: ValueInfo) -> Iterator[tuple[int, Dim]]:
    return enumerate(value.shape or ())


def _firsts(values: Sequence[ValueInfo]) -> list[Dim]:
    """The first size of each value; None where nothing is known of it."""
    return [value.shape[0] if value.shape else None for value in values if value.shape is None or value.shape]


def _names(graph: Graph) -> frozenset[str]:
    """The names under which sizes count samples."""
    held = [(axis, dim, v) for v in graph.inputs for axis, dim in _dims(v) if isinstance(dim, str)]
    sure = {name for _, name, _ in held if _SURE.fullmatch(name) and not re.search("seq|len", name, re.IGNORECASE)}
    if sure:
        return frozenset(sure)
    firsts = _firsts(graph.outputs)
    likely = {
        name
        for axis, name, value in held
        if _LIKELY.fullmatch(name) and (axis == 0 or name in firsts or (value.shape or (1,))[0] != 1)
    }
    if likely:
        return frozenset(likely)
    first = {name for axis, name, _ in held if axis == 0 and not _OTHER.fullmatch(name)}
    return frozenset(first if any(not isinstance(dim, int) for dim in firsts) else ())


def _open_axis(value: ValueInfo, names: frozenset[str], open_outputs: bool) -> int | None:
    """The axis of an input that leaves the number of samples open."""
    if value.shape is None:
        return 0
    named = next((axis for axis, dim in _dims(value) if dim in names), None)
    if named is not None or not value.shape:
        return named
    first = value.shape[0]
    nameless = first is None or (isinstance(first, str) and bool(_NUMBERED.fullmatch(first)))
    return 0 if nameless and (names or open_outputs) else None


def _only_open_axis(value: ValueInfo) -> int | None:
    """The only open axis, where the first one is more than one long and the outputs begin with an open one."""
    found = [axis for axis, dim in _dims(value) if not isinstance(dim, int)]
    if len(found) != 1 or value.shape is None or value.shape[0] == 1:
        return None
    dim = value.shape[found[0]]
    return None if isinstance(dim, str) and _OTHER.fullmatch(dim) else found[0]


def _fixed_size(graph: Graph) -> int | None:
    """How many samples a graph of fixed sizes takes at once; None: none of its axes counts samples."""
    shapes = [value.shape for value in graph.inputs if value.shape and len(value.shape) > 1]
    outputs = [value.shape for value in graph.outputs if value.shape != ()]
    candidates = [shape[0] for shape in shapes] + [shape[1] for shape in shapes if len(shape) > 2]
    sizes = list(dict.fromkeys(size for size in candidates if isinstance(size, int) and size > 0))

    def support(size: int) -> float:
        return sum(_alike(shape, size) for shape in outputs)

    best = max(sizes, key=support, default=None)
    if best is not None and support(best):
        return best
    return 1 if any(shape[0] == 1 for shape in shapes) else None


def _alike(shape: Sequence[Dim] | None, size: int) -> float:
    """How well the shape of an output goes with a number of samples; an open one does a little, with any."""
    if shape is None or not isinstance(shape[0], int):
        return 0.1
    if shape[0] == size:
        return 1.0
    return 0.5 if len(shape) > 2 and shape[1] == size else 0.0


def _fixed_axis(value: ValueInfo, size: int | None) -> int | None:
    shape = value.shape or ()
    if size is None or not shape:
        return None
    if shape[0] == size:
        return 0
    return 1 if len(shape) > 2 and shape[1] == size else None


def open_sizes(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Inputs that leave sizes open besides the number of samples -> the axes of these; all of an unknown shape."""
    axes = batch_axes(graph).axes
    found = {
        value.name: tuple(
            axis for axis, dim in _dims(value) if not isinstance(dim, int) and axis != axes.get(value.name)
        )
        for value in graph.inputs
        if value.shape is not None
    }
    unknown: dict[str, tuple[int, ...]] = {value.name: () for value in graph.inputs if value.shape is None}
    return {name: places for name, places in found.items() if places} | unknown


def joined(graph: Graph, output: ValueInfo, runs: Sequence[NDArray[Any]], size: int) -> NDArray[Any]:
    """What an output was in several runs, one after the other with samples along the first axis.

    Args:
        graph: the graph.
        output: the output.
        runs: its values, in order.
        size: how many samples there were at once, where the graph does not leave that open.
    """
    names = _names(graph)
    axis = next((at for at, dim in _dims(output) if dim in names), None)
    if axis is None and output.shape and isinstance(output.shape[0], int):
        axis = _fixed_axis(output, size)
    rows = [made[None] if not made.ndim else np.moveaxis(made, axis or 0, 0) for made in runs]
    return np.concatenate(rows)
