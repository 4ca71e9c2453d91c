"""Calibration: the ranges of activations, from runs of the float model on sample data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
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
"""Samples run at once where the model leaves their number open."""

GENERATED = 8
"""Samples made up where none are given: enough for every operator to have run, no measurement."""

Feeds = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class CalibrationData:
    """Batches to run, how many samples they hold in all, whether they were made up, and how many were left out."""

    batches: tuple[Feeds, ...]
    samples: int
    generated: bool = False
    left_out: int = 0


def batches_of(graph: Graph, data: Mapping[str, ArrayLike] | None) -> CalibrationData:
    """Cut calibration data (input name -> array, samples along the first axis) into batches; make it up if None.

    Raises:
        InvalidInputError: it does not fit the graph's inputs, has no samples, or inputs differ in their number; or it
            has to be made up and a size other than the first is open.
    """
    if data is None:
        return CalibrationData((generated_feeds(graph),), GENERATED, generated=True)
    arrays = {name: np.asarray(values) for name, values in data.items()}
    counts = {name: len(values) for name, values in arrays.items() if values.ndim}
    if len(set(counts.values())) > 1:
        raise InvalidInputError(f"inputs have different numbers of samples: {counts}", where="calibration")
    samples = next(iter(counts.values()), 1)
    sizes = [value.shape[0] for value in graph.inputs if value.shape and isinstance(value.shape[0], int)]
    size = sizes[0] if sizes else BATCH
    starts = range(0, samples - (size - 1 if sizes else 0), size) if size else range(0)
    cut = [{n: a[at : at + size] if a.ndim else a for n, a in arrays.items()} for at in starts]
    if not cut:
        needed = f"the model takes {size} at once" if sizes else "at least one is needed"
        raise InvalidInputError(f"it holds {samples} samples, and {needed}", where="calibration")
    left_out = samples % size if sizes else 0
    return CalibrationData(tuple(checked_feeds(graph, feeds) for feeds in cut), samples - left_out, left_out=left_out)


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
        found.append({**outputs, **feeds})
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


def ranges_work(graph: Graph, data: CalibrationData, names: Collection[str], scheme: Scheme) -> Work[Ranges]:
    """Find the ranges of tensors with the scheme's calibrator, one batch after the other.

    Raises:
        InvalidInputError: there is no such calibrator, or it does not take its arguments.
    """
    states = {name: calibration.start(scheme) for name in names}
    unusable: dict[str, str] = {}
    for index, feeds in enumerate(data.batches):
        step = Progress(index, len(data.batches), f"Calibrating on batch {index + 1} of {len(data.batches)}")
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
