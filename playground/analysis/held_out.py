"""Samples to calibrate on, and others to measure on, out of one set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from numpy.typing import NDArray

from playground.errors import InvalidInputError, plural
from playground.model.graph import Graph
from playground.ptq.calibration_data import Given, Samples, calibration_data

PART = 4
"""One in so many samples is held out."""


@dataclass(frozen=True, slots=True)
class Split:
    """Samples in two parts.

    Attributes:
        calibration: what ranges are found on.
        measured: what is measured on.
        labels: the right classes of the latter; None where they are not known.
        told: which are which, in a sentence.
    """

    calibration: Given
    measured: Given
    labels: NDArray[Any] | None
    told: str


def held_out(graph: Graph, given: Given, labels: NDArray[Any] | None = None) -> Split:
    """Hold out the last quarter of the samples, or of the feeds where they come in several.

    Args:
        graph: the float model.
        given: the samples.
        labels: the right classes, one for each of them.

    Raises:
        InvalidInputError: they do not fit the model, or the labels do not fit them.
    """
    if not isinstance(given, Mapping):
        start = given if callable(given) else _again(given)
        count = sum(1 for _ in start())
        if count > 1:
            kept = count - max(1, count // PART)
            told = f"ranges come from the first {plural(kept, 'feed')} of {count}, the rest is measured on"
            return Split(lambda: islice(start(), kept), lambda: islice(start(), kept, None), None, told)
        given = next(iter(start()), {})
    data = calibration_data(graph, given, partial=labels is None)
    if labels is not None and len(labels) != data.samples + data.left_out:
        raise InvalidInputError(
            f"{plural(len(labels), 'label')} do not fit {plural(data.samples + data.left_out, 'sample')}",
            where="labels",
            hint="Give one label for each sample",
        )
    count, unit = data.samples, data.fixed or 1
    kept = count - max(unit, count // PART // unit * unit)
    if kept == 0:
        told = "there are too few samples to hold some out: the gains are on those that the ranges come from"
        return Split(given, given, labels, told)
    told = f"ranges come from the first {plural(kept, 'sample')} of {count}, the rest is measured on"
    first, last = data.axes.part(data.feeds, 0, kept), data.axes.part(data.feeds, kept, count)
    return Split(first, last, None if labels is None else labels[kept:count], told)


def _again(given: Iterable[Samples]) -> Callable[[], Iterable[Samples]]:
    return lambda: given
