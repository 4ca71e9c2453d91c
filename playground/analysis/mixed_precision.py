"""Bits for each layer: measures the cost of every choice, derives the best combinations, and measures those too.

The cost of a choice is the distance of the model's answers from the float model's (``Measured.distance``) with this one
layer quantized so and all else in float. Errors of different layers are nearly independent, so their squares add up,
and the best combinations are those of a knapsack. Of these a few are run, with the activations quantized as the recipe
has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.analysis import knapsack
from playground.analysis.answer_kinds import AUTO
from playground.analysis.outputs import AnswerReader, Measured, OutputTally
from playground.analysis.precision_front import (
    MixedPrecision,
    Option,
    Options,
    Point,
    choices_of,
    formats_of,
    recipe_with,
    with_formats,
)
from playground.analysis.runs import Variant, batches_task, labels_of, runs_task
from playground.analysis.variants import layers_of, weights_only, with_weights
from playground.api import quantize
from playground.errors import EngineError, UnsupportedError
from playground.model.recipe import Recipe
from playground.operators import view_of
from playground.ptq.calibration_data import CalibrationData, Feeds, calibration_data
from playground.ptq.pipeline import QuantizedModel
from playground.ptq.stored_weights import constants_nbytes
from playground.quantization import QTensor, Scheme
from playground.tasks import Progress, Task, run_sync, typed_task

WIDTHS = (8, 6, 5, 4, 3, 2)
"""Bits that a layer can have."""

POINTS = 12
"""Combinations of the front that are run, beside the best one at the size of each uniform width."""


def mixed_precision(
    quantized: QuantizedModel,
    samples: Mapping[str, ArrayLike] | None = None,
    labels: NDArray[Any] | None = None,
    widths: Sequence[int] = WIDTHS,
    choice: str = AUTO,
) -> MixedPrecision:
    """Measure every width for every layer, and find and run the combinations that are worth having.

    Args:
        quantized: what quantization made of the model; its recipe's activations and granularity are kept.
        samples: input name -> array of samples, or feeds in a list; made up when left out.
        labels: the right classes, if they are known.
        widths: bits to choose from.
        choice: the kind of answer that is measured (docs/answers.md), ``"auto"``: as the outputs look.

    Raises:
        UnsupportedError: no weight is quantized, or activations are dynamic.
        InvalidInputError: samples or labels do not fit.
    """
    return run_sync(mixed_precision_task(quantized, samples, labels, widths, choice))


@typed_task(EngineError, "the widths cannot be measured", where="model", hint="Check the model and the samples")
def mixed_precision_task(
    quantized: QuantizedModel,
    samples: Mapping[str, ArrayLike] | None = None,
    labels: NDArray[Any] | None = None,
    widths: Sequence[int] = WIDTHS,
    choice: str = AUTO,
) -> Task[MixedPrecision]:
    """The work of :func:`mixed_precision`."""
    data = calibration_data(quantized.source, samples, shapes=quantized.shapes)
    search = _Search(quantized, data, labels, widths, choice)
    return (yield from search.run())


class _Search:
    """One search: measures choices, then combinations."""

    def __init__(
        self, quantized: QuantizedModel, data: CalibrationData, labels: Any, widths: Sequence[int], choice: str
    ) -> None:
        graph = quantized.source
        self._graph, self._quantized, self._data, self._labels = graph, quantized, data, labels
        held = quantized.quantization
        if held.dynamic:
            raise UnsupportedError(
                "dynamic products support only weights of 8 bits",
                where=graph.name,
                hint="Use static or weight-only activations",
            )
        self._view = view_of(graph)
        self._reader = AnswerReader(self._view, choice, labelled=labels is not None, generated=data.generated)
        weights = {node.name: self._view.weight(node) for node in self._view.nodes}
        layers = {layer.weight: layer for layer in layers_of(self._view, held) if layer.weight == weights[layer.node]}
        self._layers = {name: layer for name, layer in layers.items() if name in held.weights}
        if not self._layers:
            raise UnsupportedError("the model has no quantized weights", where=graph.name, hint="Choose another recipe")
        self._held = {name: held.weights[name].scheme for name in self._layers}
        self._schemes = {name: _widths(scheme, widths) for name, scheme in self._held.items()}
        self._recipe = Recipe.from_dict(quantized.report.recipe)
        self._weights: dict[tuple[str, str], QTensor] = {}
        self._batches: list[Feeds] = []
        self._other_bytes = quantized.report.bytes_after - sum(
            constants_nbytes(held.weights[name]) for name in self._layers
        )

    def run(self) -> Task[MixedPrecision]:
        """Everything, one after the other."""
        self._batches = yield from batches_task(self._graph, self._data)
        yield from self._quantize()
        choices = yield from self._choices()
        found = knapsack.front(choices_of(choices))
        uniform = [
            {name: scheme.format for name, scheme in zip(self._schemes, same, strict=True)}
            for same in zip(*self._schemes.values(), strict=True)
        ]
        sizes = [sum(constants_nbytes(self._weights[key]) for key in formats.items()) for formats in uniform]
        chosen = sorted({*_spread(found), *(found.within_bytes(size) for size in sizes)})
        wanted = [formats_of(choices, found.picks[at]) for at in chosen]
        measured, original = yield from self._measure([*wanted, *uniform])
        points = [
            self._point(choices, formats, result) for formats, result in zip([*wanted, *uniform], measured, strict=True)
        ]
        return MixedPrecision(
            choices=choices,
            front=found,
            points=tuple(points[: len(wanted)]),
            uniform=tuple(sorted(points[len(wanted) :], key=lambda point: point.bytes)),
            original=original,
            other_bytes=self._other_bytes,
            recipe=self._recipe,
            schemes=self._held,
        )

    def _quantize(self) -> Task[None]:
        total, done = sum(map(len, self._schemes.values())), 0
        for name, schemes in self._schemes.items():
            values = self._graph.initializers[name].numpy()
            for scheme in schemes:
                yield Progress(done, total, f"Quantizing {name} as {scheme.format}")
                self._weights[name, scheme.format] = quantize(values, scheme)
                done += 1

    def _choices(self) -> Task[tuple[Options, ...]]:
        """The cost of every format of every weight."""
        keys = [(name, scheme.format) for name, schemes in self._schemes.items() for scheme in schemes]
        position = {node.name: at for at, node in enumerate(self._view.nodes)}
        variants = []
        for name, number_format in keys:
            about, left = f"{name} as {number_format}", len(position) - position[self._layers[name].node]
            yield Progress(0, 1, f"Preparing {about}")
            weights = {name: self._weights[name, number_format]}
            graph = weights_only(self._graph, self._quantized.quantization, weights)
            variants.append(Variant(graph, self._reader.names, about=about, weight=left))
        measured, _ = yield from self._run(variants)
        cost = dict(zip(keys, (result.distance for result in measured), strict=True))
        return tuple(
            Options(
                name,
                self._layers[name].node,
                tuple(
                    Option(s.format, constants_nbytes(self._weights[name, s.format]), cost[name, s.format])
                    for s in schemes
                ),
            )
            for name, schemes in self._schemes.items()
        )

    def _measure(self, combinations: Sequence[Mapping[str, str]]) -> Task[tuple[list[Measured], Measured]]:
        held = self._quantized.quantization
        variants = []
        for formats in combinations:
            yield Progress(0, 1, "Preparing combinations")
            weights = {**held.weights, **{name: self._weights[name, form] for name, form in formats.items()}}
            graph = with_weights(self._graph, held, weights)
            about = "Running " + ", ".join(dict.fromkeys(formats.values()))
            variants.append(Variant(graph, self._reader.names, about=about, weight=len(graph.nodes)))
        return (yield from self._run(variants))

    def _run(self, variants: Sequence[Variant]) -> Task[tuple[list[Measured], Measured]]:
        """Measure graphs against the float model; and that."""
        first = Variant(
            self._graph, self._reader.names, keep=True, about="Running the float model", weight=len(self._graph.nodes)
        )
        labels = labels_of(self._labels, self._data, self._batches)
        tallies = [OutputTally(self._reader) for _ in range(len(variants) + 1)]

        def take(batch: int, index: int, reference: Feeds, values: Feeds) -> None:
            tallies[index].update(reference, values, labels[batch], self._data.count(self._batches[batch]))

        yield from runs_task(self._batches, [first, *variants], take)
        original, *others = (tally.measured() for tally in tallies)
        return others, original

    def _point(self, choices: Sequence[Options], formats: dict[str, str], measured: Measured) -> Point:
        taken = [next(o for o in choice.options if o.format == formats[choice.weight]) for choice in choices]
        return Point(
            formats=formats,
            bytes=self._other_bytes + sum(option.bytes for option in taken),
            predicted=sum(option.cost for option in taken),
            measured=measured,
            recipe=recipe_with(self._recipe, with_formats(self._held, formats)),
            uniform=taken[0].format if len({option.format for option in taken}) == 1 else "",
        )


def _widths(scheme: Scheme, widths: Sequence[int]) -> list[Scheme]:
    """The scheme at other widths, signed or not as it is."""
    stem = scheme.format.rstrip("0123456789")
    return [replace(scheme, format=f"{stem}{width}") for width in widths]


def _spread(found: knapsack.Front) -> list[int]:
    """A few points of a front, both ends included, spread evenly over its sizes and over the logarithm of its costs."""
    if found.bytes.size <= POINTS:
        return list(range(found.bytes.size))
    sizes = found.bytes.astype(np.float64)
    logs = -np.log(np.maximum(found.costs, 1e-12))
    place = sum((x - x[0]) / ((x[-1] - x[0]) or 1) for x in (sizes, logs))
    wanted = np.linspace(0, place[-1], POINTS)
    return sorted({int(np.abs(place - target).argmin()) for target in wanted})
