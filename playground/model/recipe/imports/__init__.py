"""Recipes of other tools. One file here reads one tool's form; :func:`import_recipe` finds which one it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from playground.errors import InvalidInputError, typed
from playground.model.recipe import Recipe, plain_data
from playground.model.recipe.imports._importer import Importer
from playground.registry import discover

__all__ = ["Importer", "import_recipe", "importers"]


@cache
def importers() -> Mapping[str, Importer]:
    """Importer id -> importer, read-only."""
    return discover(sys.modules[__name__], "IMPORTER", Importer)


def import_recipe(data: Any, base: Recipe | None = None) -> Recipe:
    """A recipe from plain data or JSON text: our own form, or that of another tool.

    Args:
        data: a JSON text, or what it stands for.
        base: what a form that only says something about single tensors is added to.

    Raises:
        InvalidInputError: it is in none of the forms, or a value in it is invalid.
        UnsupportedError: it asks for something that has no counterpart here.
    """
    if isinstance(data, str | bytes):
        data = plain_data(data)
    importer = next((found for found in importers().values() if found.matches(data)), None)
    if importer is None:
        return Recipe.from_dict(data)
    with typed(
        InvalidInputError,
        f"a value is missing or has the wrong type for a recipe of {importer.name}",
        where="recipe",
        hint=f"Compare it with {importer.source}",
    ):
        return importer.read(data, base or Recipe())
