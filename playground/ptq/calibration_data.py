"""Calibration data: counted, checked against the model, in batches that fit into memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.engines.feeds import checked_feeds
from playground.errors import InvalidInputError, plural
from playground.model.graph import Graph, ValueInfo
from playground.ptq.capture import Feeds, captured

__all__ = [
    "BATCH",
    "GENERATED",
    "MEMORY",
    "CalibrationData",
    "Feeds",
    "calibration_data",
    "captured",
    "generated_feeds",
]

BATCH = 32
"""Most samples run at once where the model leaves their number open."""

MEMORY = 64 * 2**20
"""Bytes that the activations of one batch may take: fewer samples are run at once where each takes much."""

GENERATED = 8
"""Samples made up where none are given: enough for every operator to have run, no measurement."""


Samples = Mapping[str, ArrayLike]
Given = Samples | Iterable[Samples] | Callable[[], Iterable[Samples]]
"""Calibration data: arrays with samples along the first axis; or batches of such, in a list or from a function that
starts a generator, and then no more than one batch is in memory."""


@dataclass(frozen=True, slots=True)
class CalibrationData:
    """Samples to find ranges on.

    Attributes:
        feeds: input name -> samples along the first axis; of a stream: its first batch.
        samples: how many there are; of a stream: as far as it has been seen.
        fixed: how many the model takes at once, if it says so.
        generated: whether they were made up.
        left_out: how many were given beyond those, because they do not fill a batch of the model's size.
        faulty: how many were left out because they hold NaN or infinity.
        stream: starts the batches anew; None if ``feeds`` holds all.
        most: how many samples to use at most.
    """

    feeds: Feeds
    samples: int
    fixed: int | None = None
    generated: bool = False
    left_out: int = 0
    faulty: int = 0
    stream: Callable[[], Iterator[Feeds]] | None = None
    most: int | None = None

    def batches(self, size: int) -> Iterator[Feeds]:
        """The samples in batches of ``size`` at most, or of the model's own size if it has one."""
        size, left = self.fixed or size, self.most
        for feeds in [self.feeds] if self.stream is None else self.stream():
            count = self.samples if self.stream is None else samples_in(feeds)
            count = count if left is None else min(left, count)
            for at in range(0, count, size):
                yield _part(feeds, at, min(at + size, count))
            if left is not None:
                left -= count
                if left <= 0:
                    return

    def first(self, size: int = 1) -> Feeds:
        """The first batch of ``size`` samples at most."""
        return next(iter(self.batches(size)))

    def number_of_batches(self, size: int) -> int:
        """How many batches :meth:`batches` makes; 0 if only the end of the stream will tell."""
        return 0 if self.stream is not None else -(-self.samples // (self.fixed or size))


def _part(feeds: Feeds, start: int, stop: int) -> Feeds:
    return {name: values[start:stop] if values.ndim else values for name, values in feeds.items()}


def samples_in(feeds: Mapping[str, NDArray[Any]]) -> int:
    """How many samples a batch holds.

    Raises:
        InvalidInputError: inputs differ in their number.
    """
    counts = {name: len(values) for name, values in feeds.items() if values.ndim}
    if len(set(counts.values())) > 1:
        raise InvalidInputError(
            f"inputs have different numbers of samples: {counts}",
            where="calibration",
            hint="Give the same number for each",
        )
    return next(iter(counts.values()), 1)


def calibration_data(
    graph: Graph, data: Given | None, most: int | None = None, partial: bool = False
) -> CalibrationData:
    """Count and check calibration data, or make it up if there is none.

    Args:
        graph: whose inputs it is for.
        data: see :data:`Given`.
        most: how many samples to use at most.
        partial: whether to leave out samples with NaN or infinity, and batches that do not fit, instead of refusing.

    Raises:
        InvalidInputError: it has no samples, inputs differ in their number, names, types or shapes do not fit the
            model, values are not finite; or it has to be made up and a size other than the first is open.
    """
    fixed = graph.fixed_batch
    if data is None:
        return CalibrationData(generated_feeds(graph), fixed or GENERATED, fixed, generated=True)
    if isinstance(data, Mapping):
        feeds, faulty = _usable(graph, data, partial)
        given = min(samples_in(feeds), most or sys.maxsize)
        left_out = given % fixed if fixed else 0
        if given - left_out == 0:
            raise InvalidInputError(_too_few(given, fixed), where="calibration", hint="Give more samples")
        return CalibrationData(_part(feeds, 0, given), given - left_out, fixed, left_out=left_out, faulty=faulty)
    start = _restartable(data)

    def stream() -> Iterator[Feeds]:
        for batch in start():
            feeds, _ = _usable(graph, batch, partial)
            count = samples_in(feeds)
            whole = count - count % fixed if fixed else count
            if whole:
                yield _part(feeds, 0, whole)

    first = next(stream(), None)
    if first is None:
        raise InvalidInputError(_too_few(0, fixed), where="calibration", hint="Give at least one batch")
    return CalibrationData(first, samples_in(first), fixed, stream=stream, most=most)


def _too_few(given: int, fixed: int | None) -> str:
    needed = f"; the model takes {fixed} at once" if fixed else ""
    return f"the calibration data has {plural(given, 'sample')}{needed}"


def _restartable(data: Iterable[Samples] | Callable[[], Iterable[Samples]]) -> Callable[[], Iterable[Samples]]:
    if callable(data):
        return data
    if not isinstance(data, Iterable) or isinstance(data, Iterator | str | bytes):
        raise InvalidInputError(
            f"a value of type {type(data).__name__} cannot be read twice",
            where="calibration",
            hint="Give a function that starts the generator, a list of batches, or a mapping of arrays",
        )
    return lambda: data


def _usable(graph: Graph, batch: Samples, partial: bool) -> tuple[Feeds, int]:
    """A batch as arrays that fit the graph's inputs, and how many of its samples are left out for NaN or infinity."""
    if not isinstance(batch, Mapping):
        raise InvalidInputError(
            f"a value of type {type(batch).__name__} is not a batch",
            where="calibration",
            hint="Give mappings from input names to arrays",
        )
    try:
        feeds = checked_feeds(graph.with_open_batch(), batch)
    except InvalidInputError as error:
        raise error.at(f"calibration: {error.where}" if error.where else "calibration") from error
    count = samples_in(feeds)
    bad = np.zeros(count, bool)
    for name, values in feeds.items():
        if values.ndim and values.size and values.dtype.kind == "f" and not _usable_values(values).all():
            wrong = ~_usable_values(values).reshape(count, -1).all(axis=1)
            if not partial or wrong.all():
                raise InvalidInputError(
                    f"sample {int(np.argmax(wrong))} has NaN or infinity, as {int(wrong.sum())} of {count} samples do",
                    where=f"calibration: input {name!r}",
                    hint="Remove these samples, or set partial=True in the recipe to leave them out",
                )
            bad |= wrong
    if not bad.any():
        return feeds, 0
    return {name: values[~bad] if values.ndim else values for name, values in feeds.items()}, int(bad.sum())


def _usable_values(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where values are finite. In an input of nothing but zeros and minus infinity that is a mask, and usable."""
    finite: NDArray[np.bool_] = np.isfinite(values)
    mask = np.isneginf(values)
    return finite | mask if not values[finite].any() else finite


def generated_feeds(graph: Graph) -> Feeds:
    """Generated inputs: normally distributed floats, zeros and ones for everything else. The same every time.

    Raises:
        InvalidInputError: an input has an open size that is not its first.
    """
    rng = np.random.default_rng(0)
    return {value.name: _generated(value, rng) for value in graph.inputs}


def _generated(value: ValueInfo, rng: np.random.Generator) -> NDArray[Any]:
    if value.shape is None or any(not isinstance(dim, int) for dim in value.shape[1:]):
        raise InvalidInputError(
            "the input has an open size, so no calibration data can be generated",
            where=f"input {value.name!r}",
            hint="Give calibration data",
        )
    shape = [dim if isinstance(dim, int) else GENERATED for dim in value.shape]
    if value.dtype.startswith("float"):
        return rng.normal(size=shape).astype(value.dtype)
    return rng.integers(0, 2, shape).astype(value.dtype)
