"""JSON Schemas (draft 2020-12) of what the package reads and writes, made from the types that are checked when read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from playground.analysis.comparison import Comparison
from playground.errors import MissingError, one_of, shown
from playground.model.recipe import Recipe
from playground.ptq.report import Report
from playground.quantization import Scheme
from playground.schemas import commands, settings_fields
from playground.schemas.dataclass_types import Given, Plain, Written

__all__ = ["SCHEMAS", "schema"]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

SCHEMAS: Mapping[str, tuple[str, Callable[[], Plain]]] = {
    "recipe": ("What is to be quantized and how, for a whole model.", lambda: Given().root(Recipe)),
    "scheme": ("How a tensor is to be quantized.", lambda: Given().root(Scheme)),
    "settings": ("Everything that a visitor of the page can choose.", settings_fields.described),
    "report": ("What quantizing a model did.", lambda: {**Written().root(Report), "additionalProperties": True}),
    "inspect": ("What is in a model file, as `playground inspect --json` prints it.", commands.inspect_output),
    "compare": (
        "Two model files compared, as `playground compare --json` prints it.",
        lambda: commands.compare_output(Written().root(Comparison)),
    ),
}
"""Name -> what it describes, and what makes it."""


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a kind of document.

    A schema says what is well-formed. Values that contradict each other are found when the document is read.

    Args:
        name: ``"recipe"``, ``"scheme"``, ``"settings"``, ``"report"``, ``"inspect"`` or ``"compare"``.

    Returns:
        Plain data that JSON can hold.

    Raises:
        MissingError: there is no schema of that name.
    """
    if name not in SCHEMAS:
        raise MissingError(f"there is no schema {shown(name)}", where="schema", hint=one_of(name, SCHEMAS))
    description, make = SCHEMAS[name]
    return {"$schema": _DRAFT, "title": name, "description": description, **make()}
