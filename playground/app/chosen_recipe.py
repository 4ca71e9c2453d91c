"""The recipe that the Model view's controls describe, and what its runtime does not take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from playground.api import calibrators
from playground.app.page_words import in_page
from playground.errors import BadFileError, InvalidInputError, PlaygroundError, UnsupportedError, plural, shown, typed
from playground.host.sources import Source
from playground.limits import MOST_RECIPE_BYTES
from playground.model.graph import Model
from playground.model.recipe import AlgorithmCall, Recipe, Rule
from playground.model.recipe.representations import REPRESENTATIONS, without_operators
from playground.model.recipe.schemes import weight_scheme
from playground.quantization import Scheme
from playground.settings import (
    GRANULARITIES,
    Settings,
    formats_of,
    formats_text,
    ids_of,
    parameters_of,
    parameters_text,
)


def recipe_of(settings: Settings, opened: Recipe | None = None) -> Recipe:
    """The recipe that the controls describe, on top of one that was opened from a file.

    The controls' names and patterns come before the file's rules. What the controls do not have (overrides of single
    tensors, calibration, operators ...) is the file's.

    Raises:
        InvalidInputError, UnsupportedError: they contradict each other, or there is no such runtime.
    """
    rules = _own_rules(settings)
    taken = {rule.pattern for rule in rules}
    base = opened or Recipe()
    rules += [rule for rule in base.rules if rule.pattern not in taken or rule.op or rule.shape is not None]
    return replace(
        base,
        rules=tuple(rules),
        weights=_weights(settings, base),
        activations=settings.activations,
        activation_scheme=_activation_scheme(settings, opened),
        algorithms=_calls(settings),
        runtime=settings.runtime,
        partial=settings.partial,
        representation=settings.representation,
    )


def _calls(settings: Settings) -> tuple[AlgorithmCall, ...]:
    """The ticked algorithms, with what is said of their parameters."""
    parameters = parameters_of(settings.parameters)
    return tuple(AlgorithmCall(name, tuple(parameters.get(name, {}).items())) for name in ids_of(settings.algorithms))


def call_troubles(settings: Settings) -> list[str]:
    """What is wrong with the algorithms that are chosen, a sentence each: unknown ones, and invalid values."""
    from playground.ptq.algorithms import checked_calls  # no first view needs it

    found = []
    for call in _calls(settings):
        try:
            checked_calls([call])
        except PlaygroundError as error:
            found.append(in_page(str(error)))
    return found


def unmatched_names(settings: Settings, model: Model) -> str:
    """What of the controls' names and patterns fits nothing in a model, with near ones; empty if all fit."""
    from playground.model.recipe.unmatched import near_names, unmatched  # the first view does without

    wanted = [*exclusions_of(settings.exclude), *formats_of(settings.formats)]
    if not wanted:
        return ""
    nodes = [] if model.graph is None else list(model.graph.walk())
    names = [*model.tensors, *(node.name for node in nodes)]
    activations = {name for node in nodes for name in (*node.inputs, *node.outputs)}.difference(names)
    found = {name: reason for name in wanted if (reason := unmatched(name, names, activations))}
    if not found:
        return ""
    first, reason = next(iter(found.items()))
    more = f", nor {', '.join(map(shown, [name for name in found if name != first]))}" if len(found) > 1 else ""
    return f"{reason[0].upper()}{reason[1:]}{more}. {near_names(first, names)}."


def changes_of(recipe: Recipe) -> dict[str, Any]:
    """What the controls show when a recipe is opened: as much of it as they can."""
    granularity = recipe.weights.granularity
    return {
        "weights": recipe.weights.format,
        **({"weights_granularity": granularity} if granularity in GRANULARITIES else {}),
        "activations": recipe.activations,
        **_ranges_of(recipe.activation_scheme),
        "algorithms": ", ".join(call.id for call in recipe.algorithms),
        "parameters": parameters_text({call.id: dict(call.parameters) for call in recipe.algorithms}),
        "runtime": recipe.runtime,
        "partial": recipe.partial,
        "representation": recipe.representation,
        "exclude": "",
        "formats": "",
    }


def expressed(recipe: Recipe, settings: Settings) -> dict[str, Any] | None:
    """The changes of the controls that alone make a recipe, so that a link has all of it; None if they cannot."""
    rules = recipe.rules
    changes = {
        **changes_of(recipe),
        "exclude": exclusions_text([rule.pattern for rule in rules if rule.scheme is None]),
        "formats": formats_text({rule.pattern: rule.scheme.format for rule in rules if rule.scheme is not None}),
    }
    try:
        made = recipe_of(settings.with_(**changes))
    except PlaygroundError:
        # a list is longer than a link may have it
        return None
    return changes if made == recipe else None


def is_chosen(recipe: Recipe, settings: Settings, opened: Recipe | None) -> bool:
    """Whether a recipe is what the controls, and the recipe that was opened, describe."""
    try:
        return recipe_of(settings, opened) == recipe
    except PlaygroundError:
        # the controls have a fault, which is told
        return False


def described(recipe: Recipe) -> str:
    """The parts of an opened recipe that the controls do not show, in a few words."""
    counts = {"rule": len(recipe.rules), "override": len(recipe.overrides), "algorithm": len(recipe.algorithms)}
    parts = [plural(n, what) for what, n in counts.items() if n]
    return ", ".join(parts) if parts else "no rules of its own"


def read_recipe(source: Source, settings: Settings) -> Recipe:
    """A recipe from a JSON file: ours, or another tool's; fields that it leaves out are taken from the controls.

    Raises:
        InvalidInputError, UnsupportedError, BadFileError: it is too large, no JSON, or no recipe that can be used.
    """
    from playground.model.recipe.imports import import_recipe

    if source.size > MOST_RECIPE_BYTES:
        raise BadFileError(
            f"a recipe of {source.size} bytes is too large",
            where=source.name,
            hint=f"Use a JSON file of at most {MOST_RECIPE_BYTES} bytes",
        )
    with typed(BadFileError, "the recipe cannot be read", where=source.name, hint="Choose another file"):
        text = source.read(0, source.size)
    try:
        return import_recipe(text, recipe_of(settings))
    except (InvalidInputError, UnsupportedError) as error:
        raise error.at(f"{source.name}, {error.where}" if error.where else source.name) from error


def exclusions_of(text: str) -> list[str]:
    """The patterns in a text with commas between them; a comma in a name is written as ``%2C``."""
    return [unquote(part.strip()) for part in text.split(",") if part.strip()]


def exclusions_text(patterns: Sequence[str]) -> str:
    """What :func:`exclusions_of` reads as these patterns."""
    return ", ".join(pattern.replace("%", "%25").replace(",", "%2C") for pattern in patterns)


def _own_rules(settings: Settings) -> list[Rule]:
    """Single names first: they are exceptions from the patterns."""
    rules = [Rule(pattern) for pattern in exclusions_of(settings.exclude)]
    for pattern, number_format in formats_of(settings.formats).items():
        rules.append(Rule(pattern, weight_scheme(number_format, settings.weights_granularity)))
    return sorted(rules, key=lambda rule: not _is_name(rule.pattern))


def _is_name(pattern: str) -> bool:
    """Whether a pattern matches one name only: what would be special in it is escaped."""
    return not set(re.sub(r"\[[*?[]\]", "", pattern)) & set("*?[")


def _weights(settings: Settings, base: Recipe) -> Scheme:
    """The file's scheme while the controls show what it has."""
    same = settings.weights == base.weights.format
    if same and settings.weights_granularity in (base.weights.granularity, *_unshown(base.weights)):
        return base.weights
    return weight_scheme(settings.weights, settings.weights_granularity)


def _unshown(scheme: Scheme) -> tuple[str, ...]:
    """The granularities that the controls may show beside a scheme whose own they do not have."""
    return () if scheme.granularity in GRANULARITIES else GRANULARITIES


def _activation_scheme(settings: Settings, opened: Recipe | None) -> Scheme:
    """The file's, while activations are for the runtime and of the kind that it is about."""
    from playground.model.runtimes import runtime  # no first view needs it

    static = settings.activations == "static"  # dynamic ones are always uint8
    if opened and (settings.activations, settings.runtime) == (opened.activations, opened.runtime):
        found = opened.activation_scheme
    else:
        found = Scheme(runtime(settings.runtime).activation_format if static else "uint8", symmetric=False)
    return _calibrated(found, settings) if static else found


def _calibrated(scheme: Scheme, settings: Settings) -> Scheme:
    """The scheme with the controls' calibrator; as it is while they show what it has."""
    shown = settings.activation_calibrator, settings.activation_percentile
    own = _ranges_of(scheme)
    if shown == (own["activation_calibrator"], own.get("activation_percentile", shown[1])):
        return scheme
    arguments = (("percentile", shown[1]),) if shown[0] == "percentile" else ()
    return replace(scheme, calibrator=shown[0], calibrator_args=arguments)


def _ranges_of(scheme: Scheme) -> dict[str, Any]:
    """What the controls show of a scheme's calibrator; the percentile only of one that has it."""
    found: dict[str, Any] = {"activation_calibrator": scheme.calibrator}
    if scheme.calibrator == "percentile":
        declared = calibrators()["percentile"].parameters
        default = next(parameter.default for parameter in declared if parameter.name == "percentile")
        found["activation_percentile"] = float(dict(scheme.calibrator_args).get("percentile", default))
    return found


def obstacles(settings: Settings, model: Model | None = None, opened: Recipe | None = None) -> list[str]:
    """Why the runtime does not take what is chosen, a sentence each; empty if it does.

    Args:
        settings: what is chosen.
        model: what is open. If it has a graph, operator sets and operators are checked too; if it has none, or the
            runtime reads none, its weights alone are quantized.
        opened: the recipe that was opened from a file.
    """
    from playground.model.runtimes import runtime

    try:
        target, recipe = runtime(settings.runtime), recipe_of(settings, opened)
    except PlaygroundError as error:
        return [in_page(str(error))]
    graph = model.graph if model is not None else None
    tensors_only = model is not None and (graph is None or not target.reads_graphs)
    if model is not None and graph is None:
        recipe = replace(recipe, activations="weight_only")
    found = [in_page(f"{r.where}: {r.what}. {r.hint}.") for r in target.restrictions(recipe, graph)]
    if tensors_only and recipe.algorithms:
        found.append(f"algorithms: weights without a graph are rounded, and not chosen by {recipe.algorithms[0].id!r}.")
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
    if settings.representation != REPRESENTATIONS[0] and _lacks_operators(settings.with_(**changes)):
        changes["representation"] = REPRESENTATIONS[0]
    return changes


def _lacks_operators(settings: Settings) -> bool:
    """Whether there are no operators on codes for a runtime, or for the weights that are chosen."""
    from playground.model.runtimes import runtime

    try:
        return runtime(settings.runtime).file != "onnx" or any(without_operators(recipe_of(settings)))
    except PlaygroundError:
        # the recipe has another fault, which is told
        return False
