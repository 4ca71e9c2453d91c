"""Kinds of activations, however they are spelt, and what a recipe's first field is mistaken for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.errors import InvalidInputError, one_of
from playground.model.recipe.parts import EXAMPLES
from playground.number_formats import FORMATS, id_of, suggested

ACTIVATIONS = ("static", "dynamic", "weight_only")


def instead_of_rules(given: Any) -> str:
    """What to write where something else was given first, where the rules are."""
    if isinstance(given, Mapping):
        return f"Use rules={EXAMPLES['rules']}, or Recipe.from_dict({{'weights': 'int4'}})"
    if isinstance(given, str) and given.lower().replace("-", "_") in ACTIVATIONS:
        return f"Use Recipe(activations={given!r})"
    if str(given).endswith(".json"):
        return f"Use Recipe.from_json(pathlib.Path({str(given)!r}).read_text())"
    form = id_of(given, FORMATS) or suggested(given, FORMATS) or "int4"
    return f"Use Recipe(weights={form!r})"


def kind_of_activations(given: Any) -> str:
    """The id of a kind of activations, however it is spelt (InvalidInputError)."""
    found = given.lower().replace("-", "_") if isinstance(given, str) else given
    if found in ACTIVATIONS:
        return str(found)
    hint = one_of(str(given), ACTIVATIONS)
    if (form := id_of(given, FORMATS)) is not None:
        hint = f"Use activations='static', activation_scheme={form!r}"
    raise InvalidInputError(f"{given!r} is not a valid kind of activations", where="activations", hint=hint)
