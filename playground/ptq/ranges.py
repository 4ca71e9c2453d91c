"""The ranges of activations: calibrators get the values of the float model, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import calibration
from playground.histograms import Histogram, histogram
from playground.model.graph import Graph
from playground.ptq.calibration_data import BATCH, MEMORY, CalibrationData
from playground.ptq.capture import Capture, release_task, tap_task, tapped_task
from playground.quantization import Range, Scheme
from playground.tasks import Progress, Task

SAMPLED = 4096
"""Values of a tensor and batch that its histogram counts: enough for a picture, and next to nothing to do."""

BINS = 64


@dataclass(frozen=True, slots=True)
class Ranges:
    """What calibration found.

    Attributes:
        found: tensor -> its range.
        unusable: tensor -> why it has none.
        histograms: tensor -> counts of a sample of its values, for the eye.
        faulty_outputs: outputs of the model that are not finite -> why, in a few words.
        samples: how many samples were seen.
    """

    found: dict[str, Range] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    histograms: dict[str, Histogram] = field(default_factory=dict)
    faulty_outputs: dict[str, str] = field(default_factory=dict)
    samples: int = 0


def batch_size(sample: Mapping[str, NDArray[Any]]) -> int:
    """How many samples to run at once, from all activations of one."""
    nbytes = sum(values.nbytes for values in sample.values())
    return max(1, min(BATCH, MEMORY // max(1, nbytes)))


def ranges_task(
    graph: Graph, data: CalibrationData, size: int, schemes: Mapping[str, Scheme], ready: Capture | None = None
) -> Task[Ranges]:
    """Find the ranges of tensors, each with its scheme's calibrator; one batch is in memory at a time.

    Args:
        graph: the float graph.
        data: samples for it.
        size: how many to run at once.
        schemes: tensor -> its scheme.
        ready: runs of the graph that give all these tensors, if there are any already; they are not released.

    Raises:
        InvalidInputError: there is no such calibrator, or it does not take its arguments.
        EngineError: the model cannot be run on the data.
    """
    states = {name: calibration.start(scheme) for name, scheme in schemes.items()}
    sampled: dict[str, list[NDArray[np.float32]]] = {name: [] for name in schemes}
    result = Ranges()
    seen = 0
    tap = ready or (yield from tap_task(graph, list(schemes)))
    total = data.number_of_batches(size)
    for index, feeds in enumerate(data.batches(size)):
        of = f" of {total}" if total else ""
        step = Progress(index, max(total, index + 1), f"Calibrating on batch {index + 1}{of}")
        values = yield from tapped_task(tap, feeds, step)
        seen += data.count(feeds)
        _look_at_outputs(graph, values, result.faulty_outputs)
        for name, state in states.items():
            fault = why_not_values(values[name])
            if fault:
                result.unusable.setdefault(name, fault)
            elif name not in result.unusable:
                state.update(values[name])
                sampled[name].append(_sample(values[name]))
                yield step
    if ready is None:
        yield from release_task(tap)
    found = {name: state.range() for name, state in states.items() if name not in result.unusable}
    pictures = {name: histogram(np.concatenate(sampled[name]), BINS) for name in found}
    return Ranges(found, result.unusable, pictures, result.faulty_outputs, seen)


def _look_at_outputs(graph: Graph, values: Mapping[str, NDArray[Any]], faulty: dict[str, str]) -> None:
    for output in graph.outputs:
        made = values.get(output.name)
        if made is not None and made.dtype.kind == "f" and made.size:
            fault = why_not_values(made)
            if fault:
                faulty.setdefault(output.name, fault)


def _sample(values: NDArray[Any]) -> NDArray[np.float32]:
    flat = values.reshape(-1)
    step = max(1, flat.size // SAMPLED)
    return np.asarray(flat[::step], np.float32).copy()


def why_not_values(values: NDArray[Any]) -> str:
    """Why an activation has no range; empty if it has one."""
    if values.size == 0:
        return "it has no elements"
    # A sum is finite only if all values are; it may overflow although they are
    with np.errstate(all="ignore"):
        if np.isfinite(values.sum(dtype=np.float64)):
            return ""
    finite = np.isfinite(values)
    return "" if finite.all() else f"{values.size - int(finite.sum())} of its {values.size} values are NaN or infinite"
