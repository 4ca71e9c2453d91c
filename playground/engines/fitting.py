"""Samples in arrays: checked against a graph's inputs, whatever their number, and with what is known of their axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.engines.batch_axes import BatchAxes, Feeds, batch_axes
from playground.engines.feeds import checked_feeds
from playground.errors import InvalidInputError
from playground.model.graph import Graph, ValueInfo


def fitted(graph: Graph, feeds: Mapping[str, ArrayLike]) -> tuple[Feeds, BatchAxes]:
    """The arrays, as the graph's types, and where samples lie in them.

    A single sample may come without the axis for samples. An input that has no such axis may be given once for all
    feeds, or with one more axis in front: an entry for each feed. Of a graph that takes one sample at once, the axis of
    length one that has more in the arrays is the axis of the samples.

    Raises:
        InvalidInputError: an input is missing or unknown, has another type or shape than the graph says, or the
            numbers of samples differ.
    """
    whole = graph.with_(inputs=tuple(replace(value, shape=None) for value in graph.inputs))
    arrays: Feeds = dict(checked_feeds(whole, feeds))
    axes = _as_given(graph, arrays, batch_axes(graph))
    stacked = set()
    for value in graph.inputs:
        axis = axes.axes[value.name]
        arrays[value.name], is_stacked = _shaped(value, arrays[value.name], axis, axes.size)
        if is_stacked:
            stacked.add(value.name)
    if stacked:
        axes = replace(axes, size=axes.size or 1, stacked=frozenset(stacked))
    axes = _once_for_all(graph, arrays, axes)
    axes.count(arrays)
    return arrays, axes


def _as_given(graph: Graph, arrays: Mapping[str, NDArray[Any]], axes: BatchAxes) -> BatchAxes:
    """The axes, those of a graph that takes one sample at once as the arrays have them."""
    if axes.size is None:
        return axes
    longer = {v.name: _longer_axis(v, arrays[v.name].shape, axes.axes[v.name]) for v in graph.inputs}
    if all(axis is None for axis in longer.values()):
        return axes
    found = {v.name: longer[v.name] if longer[v.name] is not None else _axis_of_one(v) for v in graph.inputs}
    return BatchAxes(found, 1)


def _longer_axis(value: ValueInfo, shape: tuple[int, ...], axis: int | None) -> int | None:
    """The axis of length one that alone is longer in the array, if it is not the one for samples anyway."""
    declared = value.shape
    if declared is None or len(declared) != len(shape):
        return None
    differing = [at for at, dim in enumerate(declared) if isinstance(dim, int) and dim != shape[at]]
    if len(differing) != 1 or differing[0] == axis or declared[differing[0]] != 1:
        return None
    return differing[0]


def _axis_of_one(value: ValueInfo) -> int | None:
    """The first axis of length one, of what has several axes."""
    shape = value.shape or ()
    return shape.index(1) if len(shape) > 1 and 1 in shape else None


def _shaped(value: ValueInfo, array: NDArray[Any], axis: int | None, size: int | None) -> tuple[NDArray[Any], bool]:
    """The array with an axis for samples where the graph has one, and whether it is stacked.

    Raises:
        InvalidInputError: its shape does not fit.
    """
    declared = value.shape
    if declared is None:
        return array, False
    more = array.ndim - len(declared)
    if more == 0 and _fits(declared, array.shape, axis):
        return array, False
    if more == -1 and axis is not None and size in (None, 1):
        one = np.expand_dims(array, axis)
        if _fits(declared, one.shape, axis):
            return one, False
    if more == 1 and len(array) and _fits(declared, array.shape[1:], None):
        if axis is None:
            return array, True
        if size is not None:
            return np.concatenate(list(array), axis), False
    wanted = ", ".join(
        "?" if dim is None or (at == axis and isinstance(dim, int)) else str(dim) for at, dim in enumerate(declared)
    )
    raise InvalidInputError(
        f"shape {list(array.shape)} does not fit this input",
        where=f"input {value.name!r}",
        hint=f"Give shape [{wanted}]",
    )


def _fits(declared: tuple[Any, ...], shape: tuple[int, ...], axis: int | None) -> bool:
    pairs = enumerate(zip(declared, shape, strict=True))
    return all(at == axis or not isinstance(dim, int) or dim == length for at, (dim, length) in pairs)


def _once_for_all(graph: Graph, arrays: Mapping[str, NDArray[Any]], axes: BatchAxes) -> BatchAxes:
    """A short list of just the length that the graph says is the same for all feeds where others have more samples."""
    counts = axes.counts(arrays)
    most = max(counts.values(), default=1)
    short = {
        value.name
        for value in graph.inputs
        if value.shape is not None and len(value.shape) == 1 and isinstance(value.shape[0], int)
        if counts.get(value.name, most) != most and arrays[value.name].shape == value.shape
    }
    return replace(axes, axes={name: None if name in short else axis for name, axis in axes.axes.items()})
