"""Calibration data: counted, checked against the model, in batches that fit into memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.engines.batch_axes import BatchAxes, batch_axes
from playground.engines.feeds import named_feeds
from playground.engines.fitting import fitted
from playground.errors import InvalidInputError, plural, shown
from playground.model.graph import Graph
from playground.ptq.capture import Feeds, captured
from playground.ptq.made_up import GENERATED, Shapes, made_up_feeds

__all__ = [
    "BATCH",
    "GENERATED",
    "MEMORY",
    "CalibrationData",
    "Feeds",
    "Shapes",
    "calibration_data",
    "captured",
]

BATCH = 32
"""Most samples run at once where the model leaves their number open."""

MEMORY = 64 * 2**20
"""Bytes that the activations of one batch may take: fewer samples are run at once where each takes much."""


Samples = Mapping[str, ArrayLike]
Given = Samples | Iterable[Samples] | Callable[[], Iterable[Samples]]
"""Calibration data: arrays with any number of samples; or feeds, each with all inputs of the model and any number of
samples, in a list or from a function that starts a generator, and then no more than one of them is in memory."""


@dataclass(frozen=True, slots=True)
class CalibrationData:
    """Samples to find ranges on.

    Attributes:
        feeds: input name -> samples; of a stream: its first feed.
        samples: how many there are; of a stream: as far as it has been seen.
        axes: where they lie in the arrays, and how many the model takes at once if it says so.
        generated: whether they were made up.
        left_out: how many were given beyond those, because they do not fill a batch of the model's size.
        faulty: how many were left out because they hold NaN or infinity.
        stream: starts the feeds anew; None if ``feeds`` holds all.
        most: how many samples to use at most.
    """

    feeds: Feeds
    samples: int
    axes: BatchAxes
    generated: bool = False
    left_out: int = 0
    faulty: int = 0
    stream: Callable[[], Iterator[tuple[Feeds, BatchAxes]]] | None = None
    most: int | None = None

    @property
    def fixed(self) -> int | None:
        """How many samples the model takes at once, if it says so."""
        return self.axes.size

    def batches(self, size: int) -> Iterator[Feeds]:
        """The samples in batches of ``size`` at most, or of the model's own size if it has one."""
        left = self.most
        for feeds, axes in [(self.feeds, self.axes)] if self.stream is None else self.stream():
            count = self.samples if self.stream is None else axes.count(feeds)
            count = count if left is None else min(left, count)
            step = axes.size or size
            for at in range(0, count, step):
                yield axes.feed(feeds, at, min(at + step, count))
            if left is not None:
                left -= count
                if left <= 0:
                    return

    def count(self, batch: Feeds) -> int:
        """How many samples one of the batches holds."""
        return self.axes.count_of_batch(batch)

    def first(self, size: int = 1) -> Feeds:
        """The first batch of ``size`` samples at most."""
        return next(iter(self.batches(size)))

    def number_of_batches(self, size: int) -> int:
        """How many batches :meth:`batches` makes; 0 if only the end of the stream will tell."""
        return 0 if self.stream is not None else -(-self.samples // (self.fixed or size))


def calibration_data(
    graph: Graph,
    data: Given | None,
    most: int | None = None,
    partial: bool = False,
    shapes: Shapes | None = None,
) -> CalibrationData:
    """Count and check calibration data, or make it up if there is none.

    Args:
        graph: whose inputs it is for.
        data: see :data:`Given`.
        most: how many samples to use at most.
        partial: whether to leave out samples with NaN or infinity, and batches that do not fit, instead of refusing.
        shapes: input name -> its sizes, for made-up data where the graph leaves some open.

    Raises:
        InvalidInputError: it has no samples, inputs differ in their number, names, types or shapes do not fit the
            model, values are not finite; or it has to be made up and sizes are open.
    """
    if data is None:
        feeds, axes = fitted(graph, made_up_feeds(graph, shapes))
        return CalibrationData(feeds, axes.count(feeds), axes, generated=True)
    if isinstance(data, Mapping):
        feeds, axes, faulty = _usable(graph, data, partial)
        given = min(axes.count(feeds), most or sys.maxsize)
        left_out = given % axes.size if axes.size else 0
        if given - left_out == 0:
            raise InvalidInputError(_too_few(given, axes.size), where="calibration", hint="Give more samples")
        return CalibrationData(axes.part(feeds, 0, given), given - left_out, axes, left_out=left_out, faulty=faulty)
    start = _restartable(data)

    def stream() -> Iterator[tuple[Feeds, BatchAxes]]:
        for batch in start():
            feeds, axes, _ = _usable(graph, batch, partial)
            count = axes.count(feeds)
            whole = count - count % axes.size if axes.size else count
            if whole:
                yield axes.part(feeds, 0, whole), axes

    first = next(stream(), None)
    if first is None:
        size = batch_axes(graph).size
        raise InvalidInputError(_too_few(0, size), where="calibration", hint="Give at least one batch")
    return CalibrationData(first[0], first[1].count(first[0]), first[1], stream=stream, most=most)


def _too_few(given: int, fixed: int | None) -> str:
    needed = f"; the model takes {fixed} at once" if fixed else ""
    return f"the calibration data has {plural(given, 'sample')}{needed}"


def _restartable(data: Iterable[Samples] | Callable[[], Iterable[Samples]]) -> Callable[[], Iterable[Samples]]:
    if callable(data):
        return data
    if isinstance(data, str | Path):
        raise InvalidInputError(
            f"the path {shown(str(data))} is not calibration data",
            where="calibration",
            hint="Give its arrays: dict(numpy.load('samples.npz'))",
        )
    if not isinstance(data, Iterable) or hasattr(data, "images"):
        raise InvalidInputError(
            f"a value of type {type(data).__name__} is not calibration data",
            where="calibration",
            hint="Give samples by the input's name, as in {'image': digits.images}, or a list of batches",
        )
    if isinstance(data, Iterator | str | bytes):
        raise InvalidInputError(
            f"a value of type {type(data).__name__} cannot be read twice",
            where="calibration",
            hint="Give a function that starts the generator, a list of batches, or a mapping of arrays",
        )
    return lambda: data


def _usable(graph: Graph, batch: Samples, partial: bool) -> tuple[Feeds, BatchAxes, int]:
    """Arrays that fit the graph's inputs, their axes, and how many samples are left out for NaN or infinity."""
    if hasattr(batch, "__array__"):  # as data loaders yield them
        batch = named_feeds(graph, batch)
    if not isinstance(batch, Mapping):
        name = graph.inputs[0].name if graph.inputs else "image"
        raise InvalidInputError(
            f"a value of type {type(batch).__name__} is not a batch",
            where="calibration",
            hint=f"Give mappings from input names to arrays, as in [{{{name!r}: x}} for x, label in batches]",
        )
    try:
        feeds, axes = fitted(graph, batch)
    except InvalidInputError as error:
        raise error.at(f"calibration: {error.where}") from error
    count = axes.count(feeds)
    bad = np.zeros(count, bool)
    for name, values in feeds.items():
        if values.size and values.dtype.kind == "f" and not _usable_values(values).all():
            wrong = ~axes.by_sample(name, _usable_values(values), count).all(axis=1)
            if not partial or wrong.all():
                raise InvalidInputError(
                    f"sample {int(np.argmax(wrong))} has NaN or infinity, as {int(wrong.sum())} of {count} samples do",
                    where=f"calibration: input {name!r}",
                    hint="Remove these samples, or set partial=True in the recipe to leave them out",
                    at_terminal="Remove these samples, or leave out --strict",
                )
            bad |= wrong
    if not bad.any():
        return feeds, axes, 0
    return axes.take(feeds, np.flatnonzero(~bad)), axes, int(bad.sum())


def _usable_values(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where values are finite. In an input of nothing but zeros and minus infinity that is a mask, and usable."""
    finite: NDArray[np.bool_] = np.isfinite(values)
    mask = np.isneginf(values)
    return finite | mask if not values[finite].any() else finite
