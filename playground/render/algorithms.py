"""What algorithms did to a model, as rows of a table: each number before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.errors import plural
from playground.render.numbers import digits

HEAD = ("What", "Before", "After")


def number_rows(applied: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The numbers of one algorithm: name, before, after.

    Args:
        applied: an ``AppliedAlgorithm`` as plain data.
    """
    before, after = applied["before"], applied["after"]
    return [(_words(name), digits(before[name]), digits(after.get(name, before[name]))) for name in before]


def remarks(applied: Mapping[str, Any]) -> list[str]:
    """What it could not treat and what it approximated, a sentence each."""
    skipped = [f"{name}: {reason}" for name, reason in applied["skipped"].items()]
    return [*applied["notes"], *skipped]


def applied_title(applied: Mapping[str, Any]) -> str:
    """Its name, and the parameters that it ran with."""
    parameters = ", ".join(f"{_words(name)} {value:g}" for name, value in applied["parameters"].items())
    return f"{applied['name']} ({parameters})" if parameters else str(applied["name"])


def treated(applied: Mapping[str, Any]) -> str:
    """How many layers it treated, in words."""
    count = len(applied["tensors"])
    return f"{plural(count, 'layer')} changed" if count else "nothing changed"


def _words(name: str) -> str:
    return name.replace("_", " ")
