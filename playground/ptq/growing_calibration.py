"""What a quantized model would be had it been calibrated on fewer samples: one pass over them, many sets of ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from playground import calibration
from playground.errors import UnsupportedError
from playground.model.graph_view import GraphView
from playground.model.recipe import Recipe
from playground.operators import view_of
from playground.ptq.calibrated_placement import ranges_as_used
from playground.ptq.calibration_data import CalibrationData, Feeds
from playground.ptq.capture import release_task, tap_task, tapped_task
from playground.ptq.checks import runnable_part
from playground.ptq.pipeline import QuantizedModel
from playground.ptq.qdq import Quantization
from playground.ptq.quantize_weights import activation_parameters, quantize_biases, with_overrides
from playground.ptq.ranges import batch_size, why_not_values
from playground.quantization import Range
from playground.tasks import Progress, Task


@dataclass(frozen=True, slots=True)
class Grown:
    """A quantization whose ranges come from so many samples."""

    samples: int
    quantization: Quantization


def growing_task(result: QuantizedModel, data: CalibrationData) -> Task[list[Grown]]:
    """Quantizations with the ranges of the first 1, 2, 4, 8 ... samples, and of all.

    Weights, what is quantized and what stays in float are as they are in ``result``; only ranges differ.

    Args:
        result: a model with static activations.
        data: samples for it.

    Raises:
        UnsupportedError: its activations have no ranges.
        EngineError: the model cannot be run on the data.
    """
    recipe, placement = Recipe.from_dict(result.report.recipe), result.quantization.placement
    names = [name for name, provider in placement.activations.items() if provider is None]
    if result.quantization.dynamic or not names:
        raise UnsupportedError(
            "the model's activations have no ranges that samples decide",
            where=result.source.name,
            hint="Use static activations",
        )
    view = view_of(result.source)
    states = {name: calibration.start(recipe.activation_scheme_for(name)) for name in names}
    grown: list[Grown] = []
    tap = yield from tap_task(runnable_part(view), names)
    seen, pace = 0, _Pace()
    for feeds, whole in _parts(data, pace):
        step = Progress(seen, max(data.samples, seen + 1), f"Calibrating on sample {seen + 1}")
        values = yield from tapped_task(tap, feeds, step)
        count = data.count(feeds)
        if not seen:
            pace.most = max(1, batch_size(values) * count)
        for name, state in states.items():
            if not why_not_values(values[name]):
                state.update(values[name])
                yield step
        seen += count
        if whole:
            ranges = {name: state.range() for name, state in states.items()}
            grown.append(Grown(seen, _quantized(result, view, recipe, ranges)))
    yield from release_task(tap)
    return grown


@dataclass(slots=True)
class _Pace:
    """How many samples may be run at once: one, until it is known how much memory they take."""

    most: int = 1


def _parts(data: CalibrationData, pace: _Pace) -> Iterator[tuple[Feeds, bool]]:
    """The samples in pieces, and whether with a piece their number is one for which there are to be ranges."""
    seen, wanted = 0, 1
    if data.stream is None:
        while seen < data.samples:
            stop = min(seen + (data.fixed or pace.most), data.samples)
            stop = stop if data.fixed else min(stop, max(wanted, seen + 1))
            yield data.axes.feed(data.feeds, seen, stop), stop >= wanted or stop == data.samples
            while wanted <= stop:
                wanted *= 2
            seen = stop
        return
    held: Feeds | None = None
    for feeds in data.batches(1):  # one behind, since only the end of a stream tells which is the last
        if held is not None:
            seen += data.count(held)
            yield held, seen >= wanted
            while wanted <= seen:
                wanted *= 2
        held = feeds
    if held is not None:
        yield held, True


def _quantized(result: QuantizedModel, view: GraphView, recipe: Recipe, found: Mapping[str, Range]) -> Quantization:
    """The quantization with other ranges of activations, and biases that follow from them."""
    held = result.quantization
    ranges = with_overrides(ranges_as_used(view, recipe, held.placement, found), recipe)
    activations, weights = activation_parameters(ranges, recipe), dict(held.weights)
    biases = quantize_biases(result.source, held.placement, activations, weights) if recipe.biases == "int32" else {}
    return replace(held, activations=activations, weights=weights, biases=biases)
