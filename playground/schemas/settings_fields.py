"""The schema of settings, made from the table that validates them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from playground.settings import FIELDS, VERSION, Settings
from playground.settings.schema import Field

_TYPES = {"boolean": "boolean", "number": "number", "integer": "integer"}


def described() -> dict[str, Any]:
    """An object in which every setting may be left out; its default stands in the schema."""
    defaults = asdict(Settings())
    properties = {name: {**_field(field), "default": defaults[name]} for name, field in FIELDS.items()}
    return {
        "type": "object",
        "properties": {"version": {"const": VERSION}, **properties},
        "additionalProperties": False,
    }


def _field(field: Field) -> dict[str, Any]:
    if field.kind == "choice":
        return {"enum": list(field.choices())}
    plain: dict[str, Any] = {"type": _TYPES.get(field.kind, "string")}
    if field.kind in ("number", "integer"):
        plain |= {"minimum": field.lowest, "maximum": field.highest}
    elif plain["type"] == "string":
        plain["maxLength"] = field.most
    return {"anyOf": [plain, {"type": "null"}]} if field.optional else plain
