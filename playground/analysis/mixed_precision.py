"""Bits for each layer: what every choice costs is measured, what is worth having follows, and is measured as well.

The cost of a choice is the relative error of the model's output with this one layer quantized so and all else in float.
Errors of different layers are nearly independent, so their squares add up, and the best combinations are those of a
knapsack. Of these a few are run, with the activations quantized as the recipe has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from glob import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.analysis import knapsack
from playground.analysis.outputs import Measured, OutputTally, gives_probabilities
from playground.analysis.runs import Variant, batches_work, labels_of, runs_work, samples_of
from playground.analysis.variants import layers_of, quantized_from, weights_only, with_weights
from playground.api import quantize
from playground.core import QTensor, Scheme
from playground.errors import UnsupportedError
from playground.model.graph import Graph
from playground.model.recipe import Recipe, Rule
from playground.ptq.activations import CalibrationData, Feeds
from playground.ptq.pipeline import QuantizedModel
from playground.ptq.placement import PRODUCTS
from playground.work import Progress, Work, drain

WIDTHS = (8, 6, 5, 4, 3, 2)
"""Bits that a layer can have."""

POINTS = 12
"""Combinations of the front that are run, beside the best one at the size of each uniform width."""


@dataclass(frozen=True, slots=True)
class Option:
    """A layer's weights in one format: bytes as stored, and the relative error of the model's output."""

    format: str
    bytes: int
    cost: float


@dataclass(frozen=True, slots=True)
class Options:
    """What there is to choose for one weight."""

    weight: str
    node: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A combination that was run.

    Attributes:
        formats: weight -> format.
        bytes: all constants of the model, as stored.
        predicted: the sum of the costs of its choices.
        measured: what came out.
        recipe: the recipe that makes it.
        uniform: the format, if all layers have the same, else ``""``.
    """

    formats: dict[str, str]
    bytes: int
    predicted: float
    measured: Measured
    recipe: Recipe
    uniform: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        held = {"formats": self.formats, "bytes": self.bytes, "predicted": self.predicted, "uniform": self.uniform}
        return held | {"measured": self.measured.as_dict(), "recipe": self.recipe.as_dict()}


@dataclass(frozen=True, slots=True, eq=False)
class MixedPrecision:
    """What was measured, and what follows.

    Attributes:
        choices: of each weight.
        front: all undominated combinations by predicted cost; ``bytes`` are those of the weights alone.
        points: those of them that were run, by ascending bytes.
        uniform: the same format for all layers, for comparison, by ascending bytes.
        original: the float model.
        other_bytes: constants that are not chosen for.
        recipe: the recipe that the points are changes of.
    """

    choices: tuple[Options, ...]
    front: knapsack.Front
    points: tuple[Point, ...]
    uniform: tuple[Point, ...]
    original: Measured
    other_bytes: int
    recipe: Recipe

    def within_bytes(self, budget: int) -> Recipe:
        """The recipe of the least predicted error whose constants fit; InvalidInputError if none does."""
        return self._recipe(self.front.picks[self.front.within_bytes(budget - self.other_bytes)])

    def within_error(self, budget: float) -> Recipe:
        """The recipe of the fewest bytes whose predicted relative error fits; InvalidInputError if none does."""
        return self._recipe(self.front.picks[self.front.within_cost(budget)])

    def greedy(self, budget: int) -> Recipe:
        """A recipe that fits, found greedily; InvalidInputError if none does."""
        return self._recipe(knapsack.greedy(_knapsack(self.choices), budget - self.other_bytes))

    def _recipe(self, picks: NDArray[np.int64]) -> Recipe:
        return recipe_with(self.recipe, _formats(self.choices, picks))

    def as_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "choices": [asdict(choice) for choice in self.choices],
            "points": [point.as_dict() for point in self.points],
            "uniform": [point.as_dict() for point in self.uniform],
            "original": self.original.as_dict(),
            "exact": self.front.exact,
        }


def recipe_with(recipe: Recipe, formats: Mapping[str, str]) -> Recipe:
    """A recipe in which some weights have formats of their own; everything else is as it was."""
    rules = []
    for weight, number_format in formats.items():
        scheme = recipe.scheme_for(weight) or recipe.weights
        rules.append(Rule(escape(weight), replace(scheme, format=number_format)))
    patterns = {rule.pattern for rule in rules}
    return replace(recipe, rules=(*rules, *(rule for rule in recipe.rules if rule.pattern not in patterns)))


def mixed_precision(
    graph: Graph,
    quantized: QuantizedModel,
    samples: Mapping[str, ArrayLike] | None = None,
    labels: NDArray[Any] | None = None,
    widths: Sequence[int] = WIDTHS,
) -> MixedPrecision:
    """Measure every width for every layer, and find and run the combinations that are worth having.

    Args:
        graph: the float graph.
        quantized: what quantization made of it; its recipe's activations and granularity are kept.
        samples: input name -> array, samples along the first axis; made up when left out.
        labels: the right classes, if they are known.
        widths: bits to choose from.

    Raises:
        UnsupportedError: no weight is quantized.
        InvalidInputError: samples or labels do not fit.
    """
    return drain(mixed_precision_work(graph, quantized, samples, labels, widths))


def mixed_precision_work(
    graph: Graph,
    quantized: QuantizedModel,
    samples: Mapping[str, ArrayLike] | None = None,
    labels: NDArray[Any] | None = None,
    widths: Sequence[int] = WIDTHS,
) -> Work[MixedPrecision]:
    """The work of :func:`mixed_precision`."""
    data = samples_of(graph, samples)
    search = _Search(graph, quantized, data, labels, widths)
    return (yield from search.run())


def _knapsack(choices: Sequence[Options]) -> list[list[knapsack.Choice]]:
    return [[knapsack.Choice(option.bytes, option.cost) for option in choice.options] for choice in choices]


def _formats(choices: Sequence[Options], picks: NDArray[np.int64]) -> dict[str, str]:
    return {choice.weight: choice.options[pick].format for choice, pick in zip(choices, picks, strict=True)}


class _Search:
    """One search: measures choices, then combinations."""

    def __init__(
        self, graph: Graph, quantized: QuantizedModel, data: CalibrationData, labels: Any, widths: Sequence[int]
    ) -> None:
        graph = quantized_from(graph, quantized)
        self._graph, self._quantized, self._data, self._labels = graph, quantized, data, labels
        held = quantized.quantization
        layers = {layer.weight: layer for layer in layers_of(graph, held) if layer.op in PRODUCTS}
        self._layers = {name: layer for name, layer in layers.items() if name in held.weights}
        if not self._layers:
            raise UnsupportedError("none of its weights is quantized", where=graph.name, hint="Choose another recipe")
        self._schemes = {name: _widths(held.weights[name].scheme, widths) for name in self._layers}
        self._recipe = Recipe.from_dict(quantized.report.recipe)
        self._weights: dict[tuple[str, str], QTensor] = {}
        self._batches: list[Feeds] = []
        self._other_bytes = quantized.report.bytes_after - sum(held.weights[name].nbytes for name in self._layers)

    def run(self) -> Work[MixedPrecision]:
        """Everything, one after the other."""
        self._batches = yield from batches_work(self._graph, self._data)
        yield from self._quantize()
        choices = yield from self._choices()
        found = knapsack.front(_knapsack(choices))
        count = min(len(schemes) for schemes in self._schemes.values())
        uniform = [{name: s[at].format for name, s in self._schemes.items()} for at in range(count)]
        sizes = [sum(self._weights[key].nbytes for key in formats.items()) for formats in uniform]
        chosen = sorted({*_spread(found), *(found.within_bytes(size) for size in sizes)})
        wanted = [_formats(choices, found.picks[at]) for at in chosen]
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
        )

    def _quantize(self) -> Work[None]:
        total, done = sum(map(len, self._schemes.values())), 0
        for name, schemes in self._schemes.items():
            values = self._graph.initializers[name].numpy()
            for scheme in schemes:
                yield Progress(done, total, f"Quantizing {name} as {scheme.format}")
                self._weights[name, scheme.format] = quantize(values, scheme)
                done += 1

    def _choices(self) -> Work[tuple[Options, ...]]:
        """The cost of every format of every weight."""
        keys = [(name, scheme.format) for name, schemes in self._schemes.items() for scheme in schemes]
        position = {node.name: at for at, node in enumerate(self._graph.nodes)}
        variants = [
            Variant(
                weights_only(self._graph, self._quantized.quantization, {name: self._weights[name, number_format]}),
                (self._graph.outputs[0].name,),
                about=f"{name} as {number_format}",
                weight=len(position) - position[self._layers[name].node],
            )
            for name, number_format in keys
        ]
        measured, _ = yield from self._run(variants)
        cost = dict(zip(keys, (result.relative_error for result in measured), strict=True))
        return tuple(
            Options(
                name,
                self._layers[name].node,
                tuple(Option(s.format, self._weights[name, s.format].nbytes, cost[name, s.format]) for s in schemes),
            )
            for name, schemes in self._schemes.items()
        )

    def _measure(self, combinations: Sequence[Mapping[str, str]]) -> Work[tuple[list[Measured], Measured]]:
        held = self._quantized.quantization
        variants = []
        for formats in combinations:
            weights = {**held.weights, **{name: self._weights[name, form] for name, form in formats.items()}}
            graph = with_weights(self._graph, held, weights)
            about = "Running " + ", ".join(dict.fromkeys(formats.values()))
            variants.append(Variant(graph, (graph.outputs[0].name,), about=about, weight=len(graph.nodes)))
        return (yield from self._run(variants))

    def _run(self, variants: Sequence[Variant]) -> Work[tuple[list[Measured], Measured]]:
        """Measure graphs against the float model; and that."""
        output = self._graph.outputs[0].name
        first = Variant(
            self._graph, (output,), keep=True, about="Running the float model", weight=len(self._graph.nodes)
        )
        labels = labels_of(self._labels, self._data, self._batches)
        tallies = [OutputTally(gives_probabilities(self._graph)) for _ in range(len(variants) + 1)]

        def take(batch: int, index: int, reference: Feeds, values: Feeds) -> None:
            tallies[index].update(reference[output], values[output], labels[batch])

        yield from runs_work(self._batches, [first, *variants], take)
        original, *others = (tally.measured() for tally in tallies)
        return others, original

    def _point(self, choices: Sequence[Options], formats: dict[str, str], measured: Measured) -> Point:
        taken = [next(o for o in choice.options if o.format == formats[choice.weight]) for choice in choices]
        return Point(
            formats=formats,
            bytes=self._other_bytes + sum(option.bytes for option in taken),
            predicted=sum(option.cost for option in taken),
            measured=measured,
            recipe=recipe_with(self._recipe, formats),
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
