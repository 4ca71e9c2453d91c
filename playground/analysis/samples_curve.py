"""Error against the number of calibration samples: whether there are enough of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from playground.analysis.runs import Variant, batches_task, runs_task
from playground.engines.batch_axes import BatchAxes
from playground.errors import EngineError, InvalidInputError, plural
from playground.metrics import ErrorSums
from playground.model.graph import Graph
from playground.ptq.calibration_data import CalibrationData, Feeds, Given, calibration_data
from playground.ptq.growing_calibration import Grown, growing_task
from playground.ptq.pipeline import QuantizedModel, written_graph
from playground.tasks import Progress, Task, run_sync, typed_task

HELD_OUT = 64
"""Samples that are measured on at most."""

EVERY = 4
"""Where none are given to measure on, each fourth sample is kept for that."""

ALIKE = 1.0
"""Decibels within which results count as the same."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The model calibrated on so many samples.

    Attributes:
        samples: how many.
        sqnr_db: of the output that is worst, against the float model, on the samples that were held out, dB.
    """

    samples: int
    sqnr_db: float


@dataclass(frozen=True, slots=True)
class SamplesCurve:
    """Error against the number of calibration samples.

    Attributes:
        points: for 1, 2, 4, 8 ... samples, and for all.
        held_out: how many other samples it was measured on.
    """

    points: tuple[CurvePoint, ...]
    held_out: int

    @property
    def enough(self) -> int | None:
        """From how many samples on all results are alike; None if only the last ones would be."""
        last = self.points[-1].sqnr_db
        first = len(self.points) - 1
        while first and _alike(self.points[first - 1].sqnr_db, last):
            first -= 1
        return self.points[first].samples if first < len(self.points) - 1 else None

    @property
    def sentence(self) -> str:
        """What the curve says."""
        last = self.points[-1]
        what = f"measured on {plural(self.held_out, 'other sample')}"
        if self.enough is None:
            return (
                f"With {plural(last.samples, 'sample')} the error still changes ({what}): more calibration data "
                "would tell more."
            )
        found = f"From {plural(self.enough, 'sample')} on the error hardly changes ({what})"
        return f"{found}: {last.samples} are enough."

    def as_dict(self) -> dict[str, Any]:
        """Plain data, with the sentence."""
        return {**asdict(self), "enough": self.enough, "sentence": self.sentence}


def _alike(one: float, other: float) -> bool:
    return one == other or abs(one - other) <= ALIKE


@typed_task(EngineError, "the error cannot be measured", where="model", hint="Check the model and the samples")
def samples_curve_task(
    result: QuantizedModel, calibration: Given, held_out: Mapping[str, ArrayLike] | None = None
) -> Task[SamplesCurve]:
    """The work of :func:`samples_curve`."""
    graph = result.source
    data = calibration_data(graph, calibration, partial=True)
    if held_out is None:
        data, batches, count = yield from _split_task(graph, data)
    else:
        other = calibration_data(graph, held_out, most=HELD_OUT, partial=True)
        batches, count = (yield from batches_task(graph, other)), other.samples
    grown = yield from growing_task(result, data)
    return (yield from _measured_task(graph, grown, batches, count))


def samples_curve(
    result: QuantizedModel, calibration: Given, held_out: Mapping[str, ArrayLike] | None = None
) -> SamplesCurve:
    """Measure what more calibration samples give.

    The samples are run once, and ranges are taken after 1, 2, 4, 8 ... of them; weights and placement stay as they are
    in ``result``.

    Args:
        result: what ``quantize_model`` gave, with static activations.
        calibration: samples, as ``quantize_model`` takes them.
        held_out: samples to measure on; when left out, each fourth of the others is kept for that.

    Raises:
        InvalidInputError: there are fewer than two samples, or they do not fit.
        UnsupportedError: the model's activations have no ranges.
        EngineError: a model cannot be run.
    """
    return run_sync(samples_curve_task(result, calibration, held_out))


def _split_task(graph: Graph, data: CalibrationData) -> Task[tuple[CalibrationData, list[Feeds], int]]:
    """Samples for calibration, and batches of others to measure on, with their number."""
    if data.stream is not None:
        return _split_stream(data)
    step = data.fixed or 1
    feeds = np.arange(data.samples // step)
    held = feeds[EVERY - 1 :: EVERY][: max(1, HELD_OUT // step)] if len(feeds) >= EVERY else feeds[1:][-1:]
    if not len(held):
        raise _too_few(len(feeds))
    rest = np.setdiff1d(feeds, held)
    chosen, other = (
        replace(data, feeds=data.axes.take(data.feeds, _samples_of(part, step)), samples=len(part) * step)
        for part in (rest, held)
    )
    batches = yield from batches_task(graph, other)
    return chosen, batches, other.samples


def _samples_of(feeds: Any, step: int) -> Any:
    return (feeds[:, None] * step + np.arange(step)).reshape(-1)


def _split_stream(data: CalibrationData) -> tuple[CalibrationData, list[Feeds], int]:
    """The same of a stream, of which one feed at a time is in memory, besides those that are held out."""
    most = max(1, HELD_OUT // (data.fixed or 1))

    def is_held(index: int) -> bool:
        return index % EVERY == 1 and index // EVERY < most

    def rest() -> Any:
        axes = BatchAxes({name: None if name in data.axes.stacked else axis for name, axis in data.axes.axes.items()})
        known = replace(axes, size=data.axes.size)
        return ((feeds, known) for index, feeds in enumerate(data.batches(1)) if not is_held(index))

    batches = [feeds for index, feeds in enumerate(data.batches(1)) if is_held(index)]
    if not batches:
        raise _too_few(1)
    return replace(data, stream=rest, most=None), batches, sum(data.count(feeds) for feeds in batches)


def _too_few(count: int) -> InvalidInputError:
    return InvalidInputError(
        f"{plural(count, 'sample')} cannot be divided into samples to calibrate and to measure on",
        where="calibration",
        hint="Give at least two, and rather some dozens",
    )


def _measured_task(graph: Graph, grown: Sequence[Grown], batches: list[Feeds], held_out: int) -> Task[SamplesCurve]:
    """Run the float model and all quantized ones on the samples that were held out."""
    names = tuple(value.name for value in graph.outputs)
    variants = [Variant(graph, names, keep=True, about="Running the float model", weight=len(graph.nodes))]
    for entry in grown:
        yield Progress(0, 1, f"Preparing the model calibrated on {plural(entry.samples, 'sample')}")
        written = written_graph(graph, entry.quantization)
        about = f"Calibrated on {plural(entry.samples, 'sample')}"
        variants.append(Variant(written, names, about=about, weight=len(written.nodes)))
    sums = [{name: ErrorSums() for name in names} for _ in grown]

    def take(_batch: int, index: int, first: Feeds, values: Feeds) -> None:
        for name in names if index else ():
            if first[name].dtype.kind == "f" and first[name].size and first[name].shape == values[name].shape:
                sums[index - 1][name].update(first[name], values[name])

    yield from runs_task(batches, variants, take)
    points = tuple(CurvePoint(entry.samples, _worst(held)) for entry, held in zip(grown, sums, strict=True))
    return SamplesCurve(points, held_out)


def _worst(sums: Mapping[str, ErrorSums]) -> float:
    """SQNR of the worst output, dB."""
    found = [held.measures()["sqnr_db"] for held in sums.values() if held.count]
    if not found:
        raise InvalidInputError(
            "the model has no output of real numbers", where="outputs", hint="Compare its outputs by hand"
        )
    return min(found)
