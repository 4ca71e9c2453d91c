"""Names and patterns of a recipe that nothing in a model has, and which names are near."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from fnmatch import fnmatchcase

from playground.errors import shown

MOST_COMPARED = 4096
"""Names that are searched for near ones: each takes a comparison letter by letter."""

LIKENESS = 0.5
"""The least ratio of ``difflib`` at which a name is near."""


def unmatched(pattern: str, names: Collection[str], activations: Collection[str] = ()) -> str:
    """What is wrong with a pattern that fits nothing; empty if it fits.

    Args:
        pattern: as in :class:`playground.model.recipe.Rule`.
        names: of the operators and of the constants.
        activations: names of the values in between, which rules are not about.
    """
    if any(fnmatchcase(name, pattern) for name in names):
        return ""
    if any(fnmatchcase(name, pattern) for name in activations):
        return f"{shown(pattern)} fits activations alone, and a rule is about operators and their constants"
    return f"no operator or tensor is named {shown(pattern)}"


def near_names(wanted: str, names: Collection[str]) -> str:
    """A remedy that names those that are spelt alike, or some."""
    held = list(dict.fromkeys(names))[:MOST_COMPARED]
    some = get_close_matches(wanted.strip("*"), held, n=3, cutoff=LIKENESS) or held[:3]
    return f"Use a name such as {', '.join(map(repr, some))}" if some else "Remove it: the model has no constants"
