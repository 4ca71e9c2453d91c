"""Where quantization goes and with which ranges: places, calibrates, and places again where a range is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import operators
from playground.engines import interpreter
from playground.errors import EngineError, UnsupportedError
from playground.histograms import Histogram
from playground.model.graph import Graph
from playground.model.graph_view import GraphView
from playground.model.recipe import Recipe
from playground.operators import Scales, find, view_of
from playground.ptq.apart import held_apart
from playground.ptq.calibration_data import CalibrationData
from playground.ptq.capture import Capture, release_task, tap_task, tapped_task
from playground.ptq.checks import QUANTIZE_THE_REST, runnable_part
from playground.ptq.choices import quantized_operators
from playground.ptq.clips import clipped_otherwise
from playground.ptq.exclusion import by_activation
from playground.ptq.inserted import with_inserted
from playground.ptq.patterns import unmasked
from playground.ptq.placement import Placement, place
from playground.ptq.range_cache import Cache, as_json, key_of, recalled
from playground.ptq.ranges import Ranges, batch_size, ranges_task, why_not_values
from playground.quantization import Range
from playground.tasks import Progress, Task


@dataclass(frozen=True, slots=True)
class DryRun:
    """What one sample through the model tells.

    Attributes:
        view: of the graph, with the element types of its tensors.
        batch: how many samples fit into memory at once.
        part: what of the graph can be run.
        notes: sentences about what cannot.
        tap: the runs it was found with, ready for more; None if none was needed.
    """

    view: GraphView
    batch: int
    part: Graph
    notes: tuple[str, ...] = ()
    tap: Capture | None = None


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Where quantization goes, with the ranges and pictures of the activations that have parameters of their own."""

    placement: Placement
    ranges: dict[str, Range] = field(default_factory=dict)
    histograms: dict[str, Histogram] = field(default_factory=dict)
    samples: int = 0
    notes: tuple[str, ...] = ()


def dry_run_task(view: GraphView, recipe: Recipe, data: CalibrationData | None) -> Task[DryRun]:
    """Run one sample, if there is one."""
    if data is None:
        return DryRun(view, 1, view.graph)
    operators = quantized_operators(recipe)
    touched = (node for node in view.graph.nodes if node in operators)
    names = dict.fromkeys(name for node in touched for name in (*node.inputs, *node.outputs))
    part, notes = runnable_part(view), tuple[str, ...]()
    step = Progress(0, 1, "Running the model once")
    try:
        tap = yield from tap_task(part, _made_in(part, names))
    except UnsupportedError:
        lacking = interpreter.unsupported(part)
        if not recipe.partial or not lacking:
            raise
        part, notes = runnable_part(view, lacking), (_about_lacking(lacking),)
        tap = yield from tap_task(part, _made_in(part, names))
    values = yield from tapped_task(tap, data.first(), step)
    dtypes = {name: values[name].dtype.name for name in _made_in(part, names)}
    return DryRun(view_of(view.graph, dtypes), recipe.calibration.batch or batch_size(values), part, notes, tap)


def _made_in(part: Graph, names: Iterable[str]) -> list[str]:
    made = {name for node in part.nodes for name in node.outputs} | {value.name for value in part.inputs}
    return [name for name in names if name in made]


def _about_lacking(lacking: Sequence[str]) -> str:
    return f"No engine here runs {', '.join(lacking)}: what depends on it stays in float, but for weights."


def calibrated_task(
    probe: DryRun, placement: Placement, recipe: Recipe, data: CalibrationData, cache: Cache | None = None
) -> Task[Calibrated]:
    """The ranges of activations, and where quantization goes when nodes whose activations have none are left out.

    Raises:
        EngineError: the model's outputs are not finite, and the recipe is strict.
    """
    view, part = probe.view, probe.part
    known = Ranges()
    while True:
        wanted = [name for name, provider in placement.activations.items() if provider is None]
        lacking = {name: recipe.activation_scheme_for(name) for name in wanted if name not in known.found}
        if not lacking:
            ranges, again = _adjusted(view, recipe, placement, known)
            if again is None:
                pictures = {n: known.histograms[n] for n in ranges}
                return Calibrated(placement, ranges, pictures, known.samples, tuple(_about_outputs(known)))
            placement = again
            continue
        found = recalled(cache, part, recipe, data, lacking)
        if found is None:
            found = yield from ranges_task(part, data, probe.batch, lacking, probe.tap)
            if found.faulty_outputs and not recipe.partial:
                yield from _refuse_outputs(part, data, found.faulty_outputs)
            if cache is not None and not found.faulty_outputs:
                cache[key_of(part, recipe, data, lacking)] = as_json(found)
        known.found.update(found.found)
        known.histograms.update(found.histograms)
        faulty = known.faulty_outputs | found.faulty_outputs
        known = Ranges(known.found, known.unusable, known.histograms, faulty, found.samples)
        excluded = by_activation(view, placement, found.unusable)
        if excluded:
            placement = place(view, recipe, {**placement.excluded, **excluded}, placement.told)


def _about_outputs(known: Ranges) -> Iterator[str]:
    for name, fault in known.faulty_outputs.items():
        yield f"Output {name!r} of the float model is not finite: {fault}. Check the model and the calibration data."


def _adjusted(
    view: GraphView, recipe: Recipe, placement: Placement, known: Ranges
) -> tuple[dict[str, Range], Placement | None]:
    """The ranges as they are used: without masks, with inserted constants, and as what reads the values limits them.

    Returns:
        The ranges, and another placement, if they tell that this one would lose too much.
    """
    if recipe.operators is not None:  # ONNX Runtime's rules
        return _through_removable(view, recipe, placement, known.found), None
    found, told = unmasked(view, placement, known.found), placement.told
    apart = held_apart(view, placement, found)
    if apart:
        told = replace(told, apart=told.apart | set(apart))
        return {}, place(view, recipe, {**placement.excluded, **apart}, told)
    ranges = _through_removable(view, recipe, placement, with_inserted(view, placement, found))
    kept = clipped_otherwise(view, placement, ranges, recipe)
    if kept:
        _know_inputs(view, placement, kept, known)
        return {}, place(view, recipe, placement.excluded, replace(told, kept=told.kept | kept))
    return ranges, None


def ranges_as_used(
    view: GraphView, recipe: Recipe, placement: Placement, found: Mapping[str, Range]
) -> dict[str, Range]:
    """What a calibrator found, as a placement that is decided uses it; see :func:`calibrated_task`."""
    if recipe.operators is not None:
        return _through_removable(view, recipe, placement, found)
    known = Ranges(dict(found))
    _know_inputs(view, placement, placement.told.kept, known)
    plain = unmasked(view, placement, known.found)
    return _through_removable(view, recipe, placement, with_inserted(view, placement, plain))


def _know_inputs(view: GraphView, placement: Placement, kept: Collection[str], known: Ranges) -> None:
    """What only a Relu or Clip reads gets the range of its results: no further run is needed where one is kept."""
    for node in view.graph.nodes:
        source, made = node.inputs[:1], placement.provider(node.outputs[0])
        if node.name in kept and made in known.found:
            known.found[source[0]] = known.found[made]
            if made in known.histograms:
                known.histograms[source[0]] = known.histograms[made]


def _through_removable(
    view: GraphView, recipe: Recipe, placement: Placement, ranges: Mapping[str, Range]
) -> dict[str, Range]:
    """What only a Relu or Clip reads gets the range that is left behind it: the rest would be cut off anyway.

    Where the recipe names operators, a Softmax gives values from 0 to 1, whatever it has been seen to give. Both are as
    ONNX Runtime's tool has it.
    """
    adjusted = dict(ranges)
    for node in view.graph.nodes:
        operator = find(node)
        if operator is None or not placement.quantizes(node):
            continue
        source, made = node.inputs[:1], node.outputs[0]
        if operator.scales is Scales.CLIPS:
            if view.uses(source[0]) == 1 and source[0] in ranges and made in ranges:
                adjusted[source[0]] = ranges[made]
        elif operator is operators.softmax.OPERATOR and made in ranges and recipe.operators is not None:
            adjusted[made] = Range(np.zeros_like(ranges[made].lo), np.ones_like(ranges[made].hi))
    return {name: adjusted[name] for name, provider in placement.activations.items() if provider is None}


def _refuse_outputs(graph: Graph, data: CalibrationData, faulty: Mapping[str, str]) -> Task[None]:
    """Say which output is not finite, and with which node it begins."""
    output, fault = next(iter(faulty.items()))
    begins = yield from _first_fault_task(graph, data)
    where = f"output {output!r}"
    what = f"the output of the float model is not finite: {fault}{begins}"
    hint = "Check the model and the calibration data"
    raise EngineError(what, where=where, hint=hint, offer=QUANTIZE_THE_REST)


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
