"""What an importer is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playground.model.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Importer:
    """Reads the recipe of another tool.

    Attributes:
        id: stable name.
        name: what people call it.
        source: where its form is written down.
        matches: whether plain data look like it.
        read: plain data and the recipe to add to -> recipe (PlaygroundError if it has no counterpart). What it trips
            over in values of other kinds than the form has (a KeyError, a TypeError ...) becomes an InvalidInputError.
    """

    id: str
    name: str
    source: str
    matches: Callable[[Any], bool]
    read: Callable[[Any, Recipe], Recipe]
