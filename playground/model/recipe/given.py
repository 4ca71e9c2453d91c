"""A recipe from what people write for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from playground.calls import unknown_field
from playground.errors import InvalidInputError, shown
from playground.host.sources import FileSource, require_file
from playground.limits import MOST_RECIPE_BYTES
from playground.model.recipe import ACTIVATIONS, ASYMMETRIC, Recipe
from playground.model.recipe.imports import import_recipe
from playground.model.recipe.other_names import FIELDS
from playground.model.runtimes import runtime
from playground.number_formats import FORMATS, id_of, suggested
from playground.quantization import Scheme

GivenRecipe = Recipe | Mapping[str, Any] | str | Path | None
"""What stands for a recipe: a recipe, its fields, a path of a JSON file, a kind of activations, a format of weights."""


_MODELS = (".onnx", ".tflite")
"""Endings of what is written: in the place of a recipe such a path is one to write to."""

_ACCEPTED = (
    "Use Recipe(weights='int4'), {'weights': 'int4'}, the path of a JSON file, a kind of activations such as "
    "'weight-only', or a number format such as 'int4'"
)


def recipe_from(given: GivenRecipe = None, **changes: Any) -> Recipe:
    """A recipe from what people write for one.

    Args:
        given: a recipe; a mapping of its fields; the path of a JSON file, or the JSON text (ours or another tool's); a
            kind of activations such as ``"weight-only"``; the id of the weights' number format; None: the defaults.
        changes: fields to change in it.

    Raises:
        InvalidInputError: it is none of these, or a field does not exist or has an invalid value.
        MissingError: there is no such file.
        UnsupportedError: another tool's recipe asks for something that has no counterpart here.
    """
    accepted = field_names()
    unknown = next((name for name in changes if name not in accepted), None)
    if unknown is not None:
        raise unknown_field(unknown, changes[unknown], accepted, "recipe", FIELDS)
    if isinstance(given, Mapping):
        return _changed(import_recipe(given), changes)
    if isinstance(given, str | Path):
        return _changed(_named(given), changes)
    form = id_of(given, FORMATS)
    if form is not None:
        return _changed(_named(form), changes)
    if given is not None and not isinstance(given, Recipe):
        raise InvalidInputError(f"{shown(given)} is not a recipe", where="recipe", hint=_remedy(given))
    return _changed(given or Recipe(), changes)


def _changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """A recipe with some fields changed; a runtime that is named brings its own codes of activations."""
    own_codes = "activation_scheme" not in changes and recipe.activation_scheme == ASYMMETRIC
    if "runtime" in changes and own_codes and changes.get("activations", recipe.activations) == "static":
        own = replace(ASYMMETRIC, format=runtime(changes["runtime"]).activation_format)
        return replace(recipe, activation_scheme=own, **changes)
    return replace(recipe, **changes)


def field_names() -> tuple[str, ...]:
    """The fields of a recipe that can be given."""
    return tuple(held.name for held in fields(Recipe) if held.init)


def _remedy(given: Any) -> str:
    """What to give instead of something that is no recipe."""
    if isinstance(given, Scheme):
        return "Give it a field: weights=Scheme('int4', granularity='channel')"
    if isinstance(given, str) and given.lower().endswith(".onnx"):
        return f"Save the result there: quantize_model(model).save({shown(given)})"
    meant = suggested(given, FORMATS)
    return f"Use {meant!r}" if meant else _ACCEPTED


def _named(given: str | Path) -> Recipe:
    text = str(given)
    if text.lstrip().startswith("{"):
        return import_recipe(text)
    if text.lower().replace("-", "_") in ACTIVATIONS:
        return Recipe(activations=text)
    if id_of(text, FORMATS) is not None:
        return Recipe(weights=text)  # type: ignore[arg-type]
    if isinstance(given, str) and not text.endswith(".json") and not Path(text).is_file():
        raise InvalidInputError(f"{shown(given)} is not a recipe", where="recipe", hint=_remedy(given))
    return recipe_file(given)


def recipe_file(path: str | Path) -> Recipe:
    """The recipe in a JSON file, ours or another tool's.

    Raises:
        MissingError: there is no such file.
        InvalidInputError, UnsupportedError: as ``import_recipe`` does.
    """
    if str(path).lower().endswith(_MODELS):
        raise InvalidInputError(
            "a model is not a recipe", where=str(path), hint="Write the result there: quantize_model(model).save(path)"
        )
    require_file(path)
    source = FileSource(path)
    try:
        return import_recipe(source.read(0, min(source.size, MOST_RECIPE_BYTES + 1)).decode())
    except UnicodeDecodeError as error:
        raise InvalidInputError("the file is not JSON in UTF-8", where=str(path), hint="Use a recipe file") from error
