"""What may reduce the error of a quantized model, each as a change of its recipe; which of them match a model."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from playground.analysis.sensitivity import Sensitivity
from playground.api import calibrators
from playground.errors import InvalidInputError
from playground.model.recipe import AlgorithmCall, Recipe, Rule
from playground.number_formats import FORMATS
from playground.operators import view_of
from playground.ptq.algorithms import algorithms
from playground.ptq.algorithms._channels import Sites
from playground.ptq.pipeline import QuantizedModel
from playground.quantization import Scheme

CHANNEL, ALGORITHM, CALIBRATOR, FLOAT = KINDS = ("channel", "algorithm", "calibrator", "float")

CALIBRATORS: dict[str, tuple[tuple[str, float], ...]] = {
    "percentile": (("percentile", 99.9),),
    "mse": (),
    "entropy": (),
}
"""Calibrators that are tried in the place of another one, with their parameters."""

ROUNDING = {"gptq": 8, "adaround": 4}
"""Algorithms in the place of rounding to nearest, and the most bits of weights at which they are worth their time."""

FLOATS = 3
"""So many of the most sensitive layers are tried in float, one by one."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change of a recipe.

    Attributes:
        kind: ``"channel"``: weights per channel; ``"algorithm"``: one more algorithm; ``"calibrator"``: another one for
            activations; ``"float"``: a node is left in float.
        value: the id of the algorithm or calibrator, or the node's name; empty for ``"channel"``.
        name: what people call it.

    Raises:
        InvalidInputError: there is no such kind.
    """

    kind: str
    value: str
    name: str

    def __post_init__(self) -> None:
        """Check the kind."""
        if self.kind not in KINDS:
            raise InvalidInputError(
                f"{self.kind!r} is not a kind of remedy", where="remedy", hint=f"Use one of {', '.join(KINDS)}"
            )

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        if self.kind == CHANNEL:
            return "Gives each channel of a weight a scale of its own."
        if self.kind == FLOAT:
            return f"Leaves {self.value} in float."
        if self.kind == CALIBRATOR:
            return f"Ranges of activations: {calibrators()[self.value].summary}"
        return algorithms()[self.value].summary

    @property
    def group(self) -> str:
        """Of one group only one remedy can be taken."""
        if self.kind == ALGORITHM and self.value in ROUNDING:
            return "rounding"
        return self.kind if self.kind == CALIBRATOR else f"{self.kind} {self.value}"

    def applied(self, recipe: Recipe) -> Recipe:
        """The recipe with this change. Raises InvalidInputError if it contradicts what the recipe says."""
        if self.kind == CHANNEL:
            rules = tuple(replace(r, scheme=_per_channel(r.scheme)) if r.scheme else r for r in recipe.rules)
            return replace(recipe, weights=_per_channel(recipe.weights), rules=rules)
        if self.kind == ALGORITHM:
            return replace(recipe, algorithms=(*recipe.algorithms, AlgorithmCall(self.value)))
        if self.kind == CALIBRATOR:
            arguments = CALIBRATORS.get(self.value, ())
            scheme = replace(recipe.activation_scheme, calibrator=self.value, calibrator_args=arguments)
            return replace(recipe, activation_scheme=scheme)
        return replace(recipe, rules=(Rule(glob.escape(self.value)), *recipe.rules))

    def as_dict(self) -> dict[str, Any]:
        """Plain data; :meth:`from_dict` makes an equal one."""
        return asdict(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Remedy:
        """A remedy from plain data. Raises InvalidInputError for another kind."""
        return Remedy(str(data["kind"]), str(data["value"]), str(data["name"]))


def matching(quantized: QuantizedModel, recipe: Recipe, found: Sensitivity) -> tuple[Remedy, ...]:
    """The remedies that can do something for a model and are not in its recipe yet.

    Args:
        quantized: the model as the recipe quantizes it.
        recipe: that.
        found: its sensitivity: of the layers that gain most from staying in float, each is a remedy.
    """
    schemes = list(quantized.quantization.weights.values())
    per_tensor = any(weight.scheme.granularity == "tensor" for weight in schemes)
    remedies: list[Remedy] = []
    if per_tensor and any(scheme.granularity == "tensor" for scheme in _weight_schemes(recipe)):
        remedies.append(Remedy(CHANNEL, "", "one scale for each channel"))
    used = {call.id for call in recipe.algorithms}
    remedies += [
        Remedy(ALGORITHM, name, algorithms()[name].name)
        for name in _algorithms(quantized, recipe, per_tensor=per_tensor)
        if name not in used
    ]
    if recipe.activations == "static" and quantized.quantization.activations:
        now = recipe.activation_scheme.calibrator
        remedies += [
            Remedy(CALIBRATOR, name, f"ranges by {calibrators()[name].title}") for name in CALIBRATORS if name != now
        ]
    ranked = sorted((layer for layer in found.layers if found.gain(layer) > 0), key=found.gain, reverse=True)
    remedies += [Remedy(FLOAT, layer.layer.node, f"{layer.layer.node} in float") for layer in ranked[:FLOATS]]
    return tuple(remedies)


def _algorithms(quantized: QuantizedModel, recipe: Recipe, *, per_tensor: bool) -> Iterator[str]:
    view, held = view_of(quantized.source), quantized.quantization
    excluded = held.placement.excluded
    weights = {view.weight(node) for node in view.graph.nodes if node.name not in excluded} & held.weights.keys()
    bits = min((FORMATS[held.weights[name].scheme.format].bits for name in weights if name), default=0)
    if not bits:
        return
    if per_tensor and Sites(view, excluded, norms=False).found:
        yield "equalize"
    yield "bias_correction"
    # a norm takes the factors for nothing; products before one another are what equalisation is for
    if recipe.activations != "weight_only" and any(site.product is None for site in Sites(view, excluded).found):
        yield "smoothquant"
    yield from (name for name, most in ROUNDING.items() if bits <= most and not used_rounding(recipe))


def used_rounding(recipe: Recipe) -> bool:
    """Whether an algorithm already takes the place of rounding to nearest."""
    return any(algorithms()[call.id].stage == "weights" for call in recipe.algorithms if call.id in algorithms())


def _weight_schemes(recipe: Recipe) -> list[Scheme]:
    return [recipe.weights, *(rule.scheme for rule in recipe.rules if rule.scheme is not None)]


def _per_channel(scheme: Scheme) -> Scheme:
    return replace(scheme, granularity="channel") if scheme.granularity == "tensor" else scheme
