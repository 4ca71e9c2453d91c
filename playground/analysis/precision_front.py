"""What a search for bits of each layer finds: choices, combinations that were run, and recipes of all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.analysis import knapsack
from playground.analysis.outputs import Measured
from playground.errors import InvalidInputError
from playground.model.recipe import Override, Recipe
from playground.quantization import Scheme


def choices_of(choices: Sequence[Options]) -> list[list[knapsack.Choice]]:
    """What there is to choose, as the knapsack takes it."""
    return [[knapsack.Choice(option.bytes, option.cost) for option in choice.options] for choice in choices]


def formats_of(choices: Sequence[Options], picks: NDArray[np.int64]) -> dict[str, str]:
    """Weight -> the format that was picked."""
    return {choice.weight: choice.options[pick].format for choice, pick in zip(choices, picks, strict=True)}


def with_formats(schemes: Mapping[str, Scheme], formats: Mapping[str, str]) -> dict[str, Scheme]:
    """The schemes of some weights in other formats."""
    return {weight: replace(schemes[weight], format=number_format) for weight, number_format in formats.items()}


@dataclass(frozen=True, slots=True)
class Option:
    """A layer's weights in one format: bytes as stored, and the distance of the answers from float's."""

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


def undominated(points: Sequence[Point]) -> tuple[Point, ...]:
    """Those than which no other is as small and nearer float's answers, as measured; by ascending bytes."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda point: (point.bytes, point.measured.distance)):
        if not kept or point.measured.distance < kept[-1].measured.distance:
            kept.append(point)
    return tuple(kept)


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
        schemes: of each weight, as that recipe has it; points differ in the format alone.
    """

    choices: tuple[Options, ...]
    front: knapsack.Front
    points: tuple[Point, ...]
    uniform: tuple[Point, ...]
    original: Measured
    other_bytes: int
    recipe: Recipe
    schemes: Mapping[str, Scheme]

    def within_bytes(self, budget: int) -> Recipe:
        """The recipe of the least predicted distance whose constants fit; InvalidInputError if none does."""
        return self._recipe(self.front.picks[self.front.within_bytes(self._for_weights(budget))])

    def within_error(self, budget: float) -> Recipe:
        """The recipe of the fewest bytes whose predicted relative error fits; InvalidInputError if none does."""
        return self._recipe(self.front.picks[self.front.within_cost(budget)])

    def greedy(self, budget: int) -> Recipe:
        """A recipe that fits, found greedily; InvalidInputError if none does."""
        return self._recipe(knapsack.greedy(choices_of(self.choices), self._for_weights(budget)))

    def _for_weights(self, budget: int) -> int:
        """What a budget for all constants leaves for those that are chosen for."""
        smallest = self.other_bytes + int(self.front.bytes[0])
        if budget < smallest:
            raise InvalidInputError(
                f"the smallest combination takes {smallest} bytes with all constants",
                where=f"budget of {budget} bytes",
                hint="Allow more bytes, or more widths to choose from",
            )
        return budget - self.other_bytes

    def _recipe(self, picks: NDArray[np.int64]) -> Recipe:
        formats = formats_of(self.choices, picks)
        return recipe_with(self.recipe, with_formats(self.schemes, formats))

    def as_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "choices": [asdict(choice) for choice in self.choices],
            "points": [point.as_dict() for point in self.points],
            "uniform": [point.as_dict() for point in self.uniform],
            "original": self.original.as_dict(),
            "exact": self.front.exact,
        }


def recipe_with(recipe: Recipe, schemes: Mapping[str, Scheme]) -> Recipe:
    """A recipe in which some weights have schemes of their own, whatever its rules say of them."""
    others = (override for override in recipe.overrides if override.tensor not in schemes)
    return replace(recipe, overrides=(*others, *(Override(weight, scheme) for weight, scheme in schemes.items())))
