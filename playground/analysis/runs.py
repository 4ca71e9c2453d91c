"""Runs several graphs on the same batches and returns the outputs of each; by replay where NumPy has all operators.

Where it lacks one, ONNX Runtime runs each graph as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from playground import host
from playground.analysis.replay import Replay
from playground.engines import onnxruntime
from playground.engines.interpreter import unsupported
from playground.errors import InvalidInputError, plural
from playground.model.graph import Graph, ValueInfo
from playground.ptq.calibration_data import CalibrationData, Feeds, captured
from playground.tasks import Progress, Task

PROGRAMS = host.IN_BROWSER
"""Whether graphs run as programs of our kernels. Natively single nodes do in ONNX Runtime, which has wider vectors."""

MEMORY = (320 if PROGRAMS else 512) * 2**20
"""Bytes of activations that are kept at once: those of the float and of the quantized model, of one batch."""

_KEPT = 1.25 if PROGRAMS else 2
"""By how much these are more than the float model's: programs keep the quantized model's as codes."""

MOST = 512
"""Samples of a batch at most, so that no single node takes long."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A graph to run.

    Attributes:
        graph: it.
        names: the values to look at.
        keep: whether the graphs that follow have much in common with it.
        about: what it is, for the progress.
        weight: the share of the whole work that it is likely to be.
    """

    graph: Graph
    names: tuple[str, ...]
    keep: bool = False
    about: str = ""
    weight: int = 1


Take = Callable[[int, int, Feeds, Feeds], None]
"""``take(batch, variant, first, values)``: what the first variant and this one make of a batch."""


def batches_task(graph: Graph, data: CalibrationData) -> Task[list[Feeds]]:
    """The samples in batches as large as memory allows, from what the activations of the first sample take."""
    names = [name for node in graph.nodes for name in node.outputs if name]
    first = next(iter(data.batches(1)))
    (sample,) = yield from captured(graph, [first], names, Progress(0, 1, "Running the model once"))
    nbytes = sum(values.nbytes for values in sample.values()) / (data.fixed or 1)
    return list(data.batches(max(1, min(MOST, int(MEMORY / _KEPT // max(1, nbytes))))))


def runs_task(batches: Sequence[Feeds], variants: Sequence[Variant], take: Take) -> Task[None]:
    """Run every variant on every batch and hand over what it makes."""
    if any(unsupported(variant.graph) for variant in variants):
        yield from _whole(batches, variants, take)
    else:
        yield from _replayed(batches, variants, take)


def _replayed(batches: Sequence[Feeds], variants: Sequence[Variant], take: Take) -> Task[None]:
    replay = Replay(programs=PROGRAMS)
    total, done = len(batches) * sum(variant.weight for variant in variants), 0
    for number, feeds in enumerate(batches):
        replay.begin()
        first: Feeds = {}
        for index, variant in enumerate(variants):
            # a program may end before it has a step of its own to report
            step = Progress(done, total, variant.about)
            yield step
            values = yield from replay.run_task(variant.graph, feeds, variant.names, step, keep=variant.keep)
            first = first or values
            take(number, index, first, values)
            done += variant.weight


def _whole(batches: Sequence[Feeds], variants: Sequence[Variant], take: Take) -> Task[None]:
    """Two models at a time are loaded: the first variant runs again beside each other one, so that nothing is kept."""
    first: onnxruntime.Program = yield onnxruntime.plan(_showing(variants[0]))
    for index, variant in enumerate(variants):
        program: onnxruntime.Program = first if index == 0 else (yield onnxruntime.plan(_showing(variant)))
        for number, feeds in enumerate(batches):
            yield Progress(index, len(variants), variant.about)
            reference: Feeds = yield onnxruntime.run(first, feeds)
            values: Feeds = reference if index == 0 else (yield onnxruntime.run(program, feeds))
            take(number, index, reference, values)
        if index:
            yield program.session.release()
    yield first.session.release()


def _showing(variant: Variant) -> Graph:
    """The variant's graph with the named values as outputs."""
    return variant.graph.with_(outputs=tuple(ValueInfo(name, "", None) for name in variant.names))


def labels_of(labels: NDArray[Any] | None, data: CalibrationData, batches: Sequence[Feeds]) -> list[Any]:
    """The labels of each batch; None for each where there are none.

    Raises:
        InvalidInputError: there are not as many as samples.
    """
    if labels is None:
        return [None] * len(batches)
    if len(labels) != data.samples + data.left_out:
        raise InvalidInputError(
            f"{plural(len(labels), 'label')} do not fit {plural(data.samples + data.left_out, 'sample')}",
            where="labels",
            hint="Give one label for each sample",
        )
    found, start = [], 0
    for feeds in batches:
        size = data.count(feeds)
        found.append(labels[start : start + size])
        start += size
    return found
