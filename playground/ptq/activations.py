"""Calibration: the ranges of activations, from runs of the float model on sample data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground import calibration
from playground.core import Range, Scheme
from playground.engines import interpreter, ort
from playground.engines.feeds import checked_feeds
from playground.errors import InvalidInputError
from playground.model.graph import Graph, ValueInfo
from playground.work import Progress, Work

BATCH = 32
"""Most samples run at once where the model leaves their number open."""

MEMORY = 64 * 2**20
"""Bytes that the activations of one batch may take: fewer samples are run at once where each takes much."""

GENERATED = 8
"""Samples made up where none are given: enough for every operator to have run, no measurement."""

Feeds = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class CalibrationData:
    """Samples to find ranges on.

    Attributes:
        feeds: input name -> samples along the first axis.
        samples: how many there are.
        fixed: how many the model takes at once, if it says so.
        generated: whether they were made up.
        left_out: how many were given beyond those, because they do not fill a batch of the model's size.
    """

    feeds: Feeds
    samples: int
    fixed: int | None = None
    generated: bool = False
    left_out: int = 0

    def batches(self, size: int) -> list[Feeds]:
        """The samples in batches of ``size``, or of the model's own size if it has one."""
        size = self.fixed or size
        return [self._part(at, at + size) for at in range(0, self.samples, size)]

    def number_of_batches(self, size: int) -> int:
        """How many batches :meth:`batches` makes."""
        return -(-self.samples // (self.fixed or size))

    def _part(self, start: int, stop: int) -> Feeds:
        return {name: values[start:stop] if values.ndim else values for name, values in self.feeds.items()}


def calibration_data(graph: Graph, data: Mapping[str, ArrayLike] | None) -> CalibrationData:
    """Count calibration data (input name -> array, samples along the first axis), or make it up if there is none.

    Raises:
        InvalidInputError: it has no samples, or inputs differ in their number; or it has to be made up and a size other
            than the first is open.
    """
    fixed = next((v.shape[0] for v in graph.inputs if v.shape and isinstance(v.shape[0], int)), None)
    if data is None:
        return CalibrationData(generated_feeds(graph), fixed or GENERATED, fixed, generated=True)
    arrays = {name: np.asarray(values) for name, values in data.items()}
    counts = {name: len(values) for name, values in arrays.items() if values.ndim}
    if len(set(counts.values())) > 1:
        raise InvalidInputError(f"inputs have different numbers of samples: {counts}", where="calibration")
    given = next(iter(counts.values()), 1)
    left_out = given % fixed if fixed else 0
    if given - left_out == 0:
        needed = f"the model takes {fixed} at once" if fixed else "at least one is needed"
        raise InvalidInputError(f"it holds {given} samples, and {needed}", where="calibration")
    return CalibrationData(arrays, given - left_out, fixed, left_out=left_out)


def generated_feeds(graph: Graph) -> Feeds:
    """Made-up inputs: normally distributed floats, zeros and ones for everything else. The same every time.

    Raises:
        InvalidInputError: an input has an open size that is not its first.
    """
    rng = np.random.default_rng(0)
    return {value.name: _generated(value, rng) for value in graph.inputs}


def _generated(value: ValueInfo, rng: np.random.Generator) -> NDArray[Any]:
    if value.shape is None or any(not isinstance(dim, int) for dim in value.shape[1:]):
        raise InvalidInputError(
            "its size is open, so no calibration data can be made up",
            where=f"input {value.name!r}",
            hint="Give calibration data",
        )
    shape = [dim if isinstance(dim, int) else GENERATED for dim in value.shape]
    if value.dtype.startswith("float"):
        return rng.normal(size=shape).astype(value.dtype)
    return rng.integers(0, 2, shape).astype(value.dtype)


def _with_outputs(graph: Graph, names: Iterable[str]) -> Graph:
    have = {value.name for value in graph.outputs}
    more = tuple(ValueInfo(name, "", None) for name in names if name not in have)
    return graph.with_(outputs=(*graph.outputs, *more))


def captured(graph: Graph, batches: Iterable[Feeds], names: Collection[str], step: Progress) -> Work[list[Feeds]]:
    """Run batches and return the named tensors of each: in NumPy, or by ONNX Runtime where NumPy lacks an operator.

    Yields:
        ``step``, between nodes and between batches.
    """
    inputs = {value.name for value in graph.inputs}
    found = []
    if not interpreter.unsupported(graph):
        for feeds in batches:
            found.append((yield from _within(interpreter.run_graph_work(graph, feeds, names), step)))
        return found
    inner = _with_outputs(graph, [name for name in names if name not in inputs])
    program: ort.Program = yield ort.plan(inner)
    for feeds in batches:
        yield step
        outputs: Feeds = yield ort.run(program, feeds)
        found.append({**outputs, **checked_feeds(graph, feeds)})
    yield program.session.release()
    return found


def _within(work: Work[Feeds], step: Progress) -> Work[Feeds]:
    """Inner work whose steps are told as one of the outer work's."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        yield step


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges of the tensors that have one, and for the others why not."""

    found: dict[str, Range]
    unusable: dict[str, str]


def batch_size(sample: Mapping[str, NDArray[Any]]) -> int:
    """How many samples to run at once, from all activations of one."""
    nbytes = sum(values.nbytes for values in sample.values())
    return max(1, min(BATCH, MEMORY // max(1, nbytes)))


def ranges_work(graph: Graph, batches: Sequence[Feeds], names: Collection[str], scheme: Scheme) -> Work[Ranges]:
    """Find the ranges of tensors with the scheme's calibrator, one batch after the other.

    Raises:
        InvalidInputError: there is no such calibrator, or it does not take its arguments.
    """
    states = {name: calibration.start(scheme) for name in names}
    unusable: dict[str, str] = {}
    for index, feeds in enumerate(batches):
        step = Progress(index, len(batches), f"Calibrating on batch {index + 1} of {len(batches)}")
        (values,) = yield from captured(graph, [feeds], names, step)
        for name, state in states.items():
            fault = _fault(values[name])
            if fault:
                unusable[name] = fault
            elif name not in unusable:
                state.update(values[name])
                yield step
    return Ranges({name: state.range() for name, state in states.items() if name not in unusable}, unusable)


def _fault(values: NDArray[Any]) -> str:
    if values.size == 0:
        return "it has no elements"
    finite = np.isfinite(values)
    return "" if finite.all() else f"{values.size - int(finite.sum())} of its {values.size} values are NaN or infinite"
