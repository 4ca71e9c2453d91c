"""The recipe that the Model view's controls describe, and what its runtime does not take."""

from __future__ import annotations

from typing import Any

from playground.core import Scheme
from playground.errors import PlaygroundError
from playground.model.recipe import AlgorithmCall, Recipe, Rule
from playground.number_formats import FORMATS
from playground.settings import Settings, formats_of, ids_of

CODEBOOK_BLOCK = 64
"""Values in a block of a codebook format, as bitsandbytes has them when nothing is said."""


def scheme_of(number_format: str, granularity: str) -> Scheme:
    """How weights are quantized in a format; ``granularity`` is that of integers, other formats bring their own."""
    family = FORMATS[number_format].family
    if family == "integer":
        return Scheme(number_format, granularity)
    if family == "codebook":
        return Scheme(number_format, "block", axis=-1, block_size=CODEBOOK_BLOCK)
    return Scheme(number_format)


def recipe_of(settings: Settings) -> Recipe:
    """The recipe that the controls describe.

    Raises:
        InvalidInputError, UnsupportedError: they contradict each other, or there is no such runtime.
    """
    from playground.model.runtimes import runtime  # no first view needs it

    taken = runtime(settings.runtime).activation_formats
    static = settings.activations == "static"  # dynamic ones are always uint8
    codes = taken[0] if static and taken and "uint8" not in taken else "uint8"
    patterns = [part.strip() for part in settings.exclude.split(",") if part.strip()]
    rules = [Rule(pattern) for pattern in patterns]
    for pattern, number_format in formats_of(settings.formats).items():
        rules.append(Rule(pattern, scheme_of(number_format, settings.weights_granularity)))
    return Recipe(
        tuple(rules),
        scheme_of(settings.weights, settings.weights_granularity),
        settings.activations,
        Scheme(codes, symmetric=False),
        algorithms=tuple(AlgorithmCall(name) for name in ids_of(settings.algorithms)),
        runtime=settings.runtime,
        partial=settings.partial,
    )


def obstacles(settings: Settings, graph: Any = None) -> list[str]:
    """Why the runtime does not take what is chosen, a sentence each; empty if it does.

    Args:
        settings: what is chosen.
        graph: the model's, if it has one: operator sets and operators are checked too.
    """
    from playground.model.runtimes import runtime

    try:
        target, recipe = runtime(settings.runtime), recipe_of(settings)
    except PlaygroundError as error:
        return [str(error)]
    found = [f"{r.where}: {r.what}. {r.hint}." for r in target.restrictions(recipe, graph)]
    if target.file != "onnx":
        found.append(
            f"{target.name} reads {target.file} files, and what is written here is ONNX: "
            "the recipe can be checked and kept, the model is not quantized with it."
        )
    return found


def fitting(settings: Settings) -> dict[str, Any]:
    """The changes that make weights and activations what the runtime takes; empty if there are none to make.

    Raises:
        InvalidInputError: there is no such runtime.
    """
    from playground.model.runtimes import runtime

    target = runtime(settings.runtime)
    changes: dict[str, Any] = {}
    if settings.activations not in target.activations:
        changes["activations"] = target.activations[0]
    if settings.weights not in target.weight_formats:
        changes["weights"] = "int8" if "int8" in target.weight_formats else target.weight_formats[0]
    if settings.weights_granularity not in target.granularities and "channel" in target.granularities:
        changes["weights_granularity"] = "channel"
    return changes
