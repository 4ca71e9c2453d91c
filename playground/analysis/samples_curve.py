"""Error against the number of calibration samples: whether there are enough of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from playground.analysis.answer_kinds import AUTO, DECIBELS, NUMBER, Measure
from playground.analysis.outputs import AnswerReader, Measured, OutputTally
from playground.analysis.runs import Variant, batches_task, runs_task
from playground.engines.batch_axes import BatchAxes
from playground.errors import EngineError, InvalidInputError, plural
from playground.model.graph import Graph
from playground.operators import view_of
from playground.ptq.calibration_data import CalibrationData, Feeds, Given, calibration_data
from playground.ptq.growing_calibration import Grown, growing_task
from playground.ptq.pipeline import QuantizedModel, written_graph
from playground.tasks import Progress, Task, run_sync, typed_task

HELD_OUT = 64
"""Samples that are measured on at most."""

EVERY = 4
"""Where none are given to measure on, each fourth sample is kept for that."""

ALIKE, POINT = 1.0, 0.01
"""Within so many decibels, or so large a share of the answers, results count as the same."""

SQNR = "SQNR of the output"


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The model calibrated on so many samples.

    Attributes:
        samples: how many.
        measured: its answers against the float model's, on the samples that were held out.
    """

    samples: int
    measured: Measured


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
    def silent(self) -> str:
        """Why the answers' own measure carries no information; empty if it does."""
        return next((point.measured.silent for point in self.points if point.measured.silent), "")

    @property
    def values(self) -> tuple[Measure, ...]:
        """Each point's number: the answers' telling measure, or SQNR where that says nothing.

        Outputs of different sizes have no SQNR; then it is the answers' continuous form.
        """
        found = [point.measured for point in self.points]
        if found[0].kind != "values" and not self.silent:
            return tuple(measured.measures[0] for measured in found)
        if any(math.isnan(measured.sqnr_db) for measured in found):
            return tuple(_distance(measured) for measured in found)
        return tuple(Measure(SQNR, measured.sqnr_db, DECIBELS, "against float") for measured in found)

    @property
    def enough(self) -> int | None:
        """From how many samples on all results are alike; None if only the last ones would be."""
        return self._from([self.change(at) is None for at in range(len(self.points) - 1)])

    @property
    def enough_by_sqnr(self) -> int | None:
        """The same by SQNR alone, which sees what no answer changes for; None also where there is none."""
        levels = [point.measured.sqnr_db for point in self.points]
        return self._from([_within(level, levels[-1], ALIKE) for level in levels[:-1]])

    def _from(self, alike: Sequence[bool]) -> int | None:
        """From how many samples on points are like the last one; ``alike``: of each but that, whether it is."""
        first = len(alike)
        while first and alike[first - 1]:
            first -= 1
        return self.points[first].samples if first < len(alike) else None

    def change(self, index: int) -> tuple[Measure, Measure] | None:
        """The number in which a point differs from the last one, of both; None if they are alike.

        Equal answers do not tell small errors, so their continuous form, by which all else is ranked, counts too.
        """
        one, last = self.values[index], self.values[-1]
        first, second = self.points[index].measured, self.points[-1].measured
        if last.unit == DECIBELS:
            return None if _within(one.value, last.value, ALIKE) else (one, last)
        measured_by_it = last.name == second.distance_name
        if not measured_by_it and not _within(one.value, last.value, max(POINT, 1 / self.held_out)):
            return one, last
        harmless = max(first.distance, second.distance) < second.harmless
        if harmless or _within(_decibels(first.distance), _decibels(second.distance), ALIKE):
            return None
        return _distance(first), _distance(second)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        last, values = self.points[-1].measured, self.values
        points = [
            {
                "samples": point.samples,
                "value": value.value,
                "sqnr_db": point.measured.sqnr_db,
                "distance": point.measured.distance,
            }
            for point, value in zip(self.points, values, strict=True)
        ]
        return {
            "points": points,
            "held_out": self.held_out,
            "kind": last.kind,
            "measure": values[-1].name,
            "unit": values[-1].unit,
            "distance_name": last.distance_name,
            "silent": self.silent,
            "enough": self.enough,
        }


def _within(one: float, other: float, most: float) -> bool:
    return one == other or abs(one - other) <= most


def _decibels(distance: float) -> float:
    return -math.inf if distance <= 0 else 10 * math.log10(distance)


def _distance(measured: Measured) -> Measure:
    return Measure(measured.distance_name, measured.distance, NUMBER)


@typed_task(EngineError, "the error cannot be measured", where="model", hint="Check the model and the samples")
def samples_curve_task(
    result: QuantizedModel,
    calibration: Given,
    held_out: Mapping[str, ArrayLike] | None = None,
    *,
    choice: str = AUTO,
    labelled: bool = False,
) -> Task[SamplesCurve]:
    """The work of :func:`samples_curve`."""
    graph = result.source
    data = calibration_data(graph, calibration, partial=True)
    if held_out is None:
        data, batches = yield from _split_task(graph, data)
    else:
        other = calibration_data(graph, held_out, most=HELD_OUT, partial=True)
        batches = _counted(other, (yield from batches_task(graph, other)))
    grown = yield from growing_task(result, data)
    reader = AnswerReader(view_of(graph), choice, labelled=labelled)
    return (yield from _measured_task(graph, grown, batches, reader))


def samples_curve(
    result: QuantizedModel,
    calibration: Given,
    held_out: Mapping[str, ArrayLike] | None = None,
    *,
    choice: str = AUTO,
    labelled: bool = False,
) -> SamplesCurve:
    """Measure what more calibration samples give.

    The samples are run once, and ranges are taken after 1, 2, 4, 8 ... of them; weights and placement stay as they are
    in ``result``.

    Args:
        result: what ``quantize_model`` gave, with static activations.
        calibration: samples, as ``quantize_model`` takes them.
        held_out: samples to measure on; when left out, each fourth of the others is kept for that.
        choice: the kind of answer that is measured (docs/answers.md), ``"auto"``: as the outputs look.
        labelled: whether there are right classes, from which it follows that the outputs are classes.

    Raises:
        InvalidInputError: there are fewer than two samples, they do not fit, or the outputs cannot be read as what was
            chosen.
        UnsupportedError: the model's activations have no ranges.
        EngineError: a model cannot be run.
    """
    return run_sync(samples_curve_task(result, calibration, held_out, choice=choice, labelled=labelled))


Counted = list[tuple[Feeds, int]]
"""Batches with the number of samples in each."""


def _counted(data: CalibrationData, batches: Sequence[Feeds]) -> Counted:
    return [(feeds, data.count(feeds)) for feeds in batches]


def _split_task(graph: Graph, data: CalibrationData) -> Task[tuple[CalibrationData, Counted]]:
    """Samples for calibration, and batches of others to measure on."""
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
    return chosen, _counted(other, batches)


def _samples_of(feeds: Any, step: int) -> Any:
    return (feeds[:, None] * step + np.arange(step)).reshape(-1)


def _split_stream(data: CalibrationData) -> tuple[CalibrationData, Counted]:
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
    return replace(data, stream=rest, most=None), _counted(data, batches)


def _too_few(count: int) -> InvalidInputError:
    return InvalidInputError(
        f"{plural(count, 'sample')} cannot be divided into samples to calibrate and to measure on",
        where="calibration",
        hint="Give at least two, and rather some dozens",
    )


def _measured_task(graph: Graph, grown: Sequence[Grown], batches: Counted, reader: AnswerReader) -> Task[SamplesCurve]:
    """Run the float model and all quantized ones on the samples that were held out."""
    names = reader.names
    variants = [Variant(graph, names, keep=True, about="Running the float model", weight=len(graph.nodes))]
    tallies: list[OutputTally] = []
    for entry in grown:
        yield Progress(0, 1, f"Preparing the model calibrated on {plural(entry.samples, 'sample')}")
        written = written_graph(graph, entry.quantization)
        about = f"Calibrated on {plural(entry.samples, 'sample')}"
        variants.append(Variant(written, names, about=about, weight=len(written.nodes)))
        tallies.append(OutputTally(reader, about))

    def take(batch: int, index: int, first: Feeds, values: Feeds) -> None:
        if index:
            tallies[index - 1].update(first, values, samples=batches[batch][1])

    yield from runs_task([feeds for feeds, _ in batches], variants, take)
    points = (CurvePoint(entry.samples, tally.measured()) for entry, tally in zip(grown, tallies, strict=True))
    return SamplesCurve(tuple(points), sum(count for _, count in batches))
