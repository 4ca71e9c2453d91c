"""Where quantization goes and with which ranges: places, calibrates, and places again where a range is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import EngineError
from playground.histograms import Histogram
from playground.model.graph import Graph
from playground.model.recipe import Recipe
from playground.ptq.calibration_data import CalibrationData
from playground.ptq.capture import Capture, release_task, tap_task, tapped_task
from playground.ptq.checks import AGREE, runnable_part
from playground.ptq.exclusion import by_activation
from playground.ptq.patterns import unmasked
from playground.ptq.placement import Placement, Placer, quantized_operators
from playground.ptq.range_cache import Cache, as_json, key_of, recalled
from playground.ptq.ranges import Ranges, batch_size, ranges_task, why_not_values
from playground.ptq.report import Skipped
from playground.quantization import Range
from playground.tasks import Progress, Task


@dataclass(frozen=True, slots=True)
class DryRun:
    """What one sample through the model tells.

    Attributes:
        dtypes: element types of its tensors.
        batch: how many samples fit into memory at once.
        tap: the runs it was found with, ready for more; None if none was needed.
    """

    dtypes: dict[str, str]
    batch: int
    tap: Capture | None = None


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Where quantization goes, with the ranges and pictures of the activations that have parameters of their own."""

    placement: Placement
    ranges: dict[str, Range] = field(default_factory=dict)
    histograms: dict[str, Histogram] = field(default_factory=dict)
    samples: int = 0


def constant_dtypes(graph: Graph) -> dict[str, str]:
    """Element types of the constants."""
    return {name: tensor.dtype for name, tensor in graph.initializers.items()}


def dry_run_task(graph: Graph, recipe: Recipe, data: CalibrationData | None) -> Task[DryRun]:
    """Run one sample, if there is one."""
    if data is None:
        return DryRun(constant_dtypes(graph), 1)
    operators = quantized_operators(recipe)
    touched = [node for node in graph.nodes if node.op in operators and not node.domain]
    part = runnable_part(graph)
    made = {name for node in part.nodes for name in node.outputs} | {value.name for value in part.inputs}
    names = dict.fromkeys(name for node in touched for name in (*node.inputs, *node.outputs))
    live = [name for name in names if name in made]
    step = Progress(0, 1, "Running the model once")
    tap = yield from tap_task(part, live)
    values = yield from tapped_task(tap, data.first(), step)
    dtypes = constant_dtypes(graph) | {name: values[name].dtype.name for name in live}
    return DryRun(dtypes, recipe.calibration.batch or batch_size(values), tap)


def calibrated_task(
    graph: Graph,
    recipe: Recipe,
    data: CalibrationData,
    probe: DryRun,
    *,
    skipped: dict[str, Skipped],
    cache: Cache | None = None,
) -> Task[Calibrated]:
    """Where quantization goes, and the ranges. Nodes whose activations have none go to ``skipped``.

    Raises:
        EngineError: the model's outputs are not finite, and the recipe does not agree to a partial result.
    """
    part = runnable_part(graph)
    known = Ranges()
    while True:
        placement = Placer(graph, recipe, probe.dtypes, skipped).place()
        wanted = [name for name, provider in placement.activations.items() if provider is None]
        lacking = {name: recipe.activation_scheme_for(name) for name in wanted if name not in known.found}
        if not lacking:
            found_ranges = unmasked(graph, known.found) if recipe.operators is None else known.found
            ranges = _through_removable(graph, recipe, placement, found_ranges)
            return Calibrated(placement, ranges, {n: known.histograms[n] for n in ranges}, known.samples)
        found = recalled(cache, part, recipe, data, lacking)
        if found is None:
            found = yield from ranges_task(part, data, probe.batch, lacking, probe.tap)
            if found.faulty_outputs and not recipe.partial:
                yield from _refuse_outputs(part, data, found.faulty_outputs)
            if cache is not None and not found.faulty_outputs:
                cache[key_of(part, recipe, data, lacking)] = as_json(found)
        known.found.update(found.found)
        known.histograms.update(found.histograms)
        known = Ranges(known.found, known.unusable, known.histograms, known.faulty_outputs, found.samples)
        skipped.update(by_activation(graph, recipe, placement, found.unusable))


def _through_removable(
    graph: Graph, recipe: Recipe, placement: Placement, ranges: Mapping[str, Range]
) -> dict[str, Range]:
    """What only a Relu or Clip reads gets the range that is left behind it: the rest would be cut off anyway.

    Where the recipe names operators, a Softmax gives values from 0 to 1, whatever it has been seen to give. Both are as
    ONNX Runtime's tool has it.
    """
    adjusted, operators = dict(ranges), quantized_operators(recipe)
    uses = [name for node in graph.nodes for name in node.inputs]
    for node in graph.nodes:
        if node.name in placement.excluded or node.op not in operators:
            continue
        source, made = node.inputs[:1], node.outputs[0]
        if node.op in ("Relu", "Clip") and uses.count(source[0]) == 1 and source[0] in ranges and made in ranges:
            adjusted[source[0]] = ranges[made]
        elif node.op == "Softmax" and made in ranges and recipe.operators is not None:
            adjusted[made] = Range(np.zeros_like(ranges[made].lo), np.ones_like(ranges[made].hi))
    return {name: adjusted[name] for name, provider in placement.activations.items() if provider is None}


def _refuse_outputs(graph: Graph, data: CalibrationData, faulty: Mapping[str, str]) -> Task[None]:
    """Say which output is not finite, and with which node it begins."""
    output, fault = next(iter(faulty.items()))
    begins = yield from _first_fault_task(graph, data)
    where = f"output {output!r}"
    what = f"the float model's own answer is not finite: {fault}{begins}"
    raise EngineError(what, where=where, hint=f"Check the model and the calibration data. {AGREE}")


def _first_fault_task(graph: Graph, data: CalibrationData) -> Task[str]:
    names = [name for node in graph.nodes for name in node.outputs if name]
    tap = yield from tap_task(graph, names)
    for feeds in data.batches(1):
        values = yield from tapped_task(tap, feeds, Progress(0, 1, "Looking for the first value that is not finite"))
        for node in graph.nodes:
            if any(_faulty(values.get(name)) for name in (*node.inputs, *node.outputs)):
                yield from release_task(tap)
                held = [name for name in node.inputs if name in graph.initializers]
                constant = next((name for name in held if _faulty(graph.initializers[name].numpy())), None)
                reason = f", whose constant {constant!r} is not" if constant else ""
                return f"; it begins with node {node.name!r} ({node.op}){reason}"
    yield from release_task(tap)
    return ""


def _faulty(values: NDArray[Any] | None) -> bool:
    return values is not None and values.dtype.kind == "f" and values.size > 0 and bool(why_not_values(values))
