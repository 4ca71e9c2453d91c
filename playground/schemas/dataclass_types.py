"""From dataclasses to JSON Schemas: types become types, the attributes of a docstring become descriptions."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

from playground.convention_rules import CONVENTIONS
from playground.model.recipe import ACTIVATIONS, VERSION, AlgorithmCall, Recipe
from playground.model.recipe.representations import REPRESENTATIONS
from playground.number_formats import FORMATS
from playground.ptq import verification
from playground.quantization import Scheme
from playground.quantization.grouping import GRANULARITIES
from playground.quantization.rotation import ROTATIONS
from playground.quantization.scheme import ZERO_POINT_TYPES
from playground.rounding import ROUNDINGS

Plain = dict[str, Any]

_SIMPLE: Mapping[Any, Plain] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    type(None): {"type": "null"},
    Any: {},
}

_NAMES: Mapping[tuple[type, str], tuple[str, ...]] = {
    (Scheme, "granularity"): GRANULARITIES,
    (Scheme, "rounding"): tuple(ROUNDINGS),
    (Scheme, "convention"): tuple(CONVENTIONS),
    (Scheme, "zero_point_type"): ZERO_POINT_TYPES,
    (Scheme, "rotation"): tuple(ROTATIONS),
    (Recipe, "activations"): ACTIVATIONS,
    (Recipe, "biases"): ("int32", "float"),
    (Recipe, "representation"): REPRESENTATIONS,
}
"""Texts of which only these are valid."""

_PAIRS = {(Scheme, "calibrator_args"), (AlgorithmCall, "parameters")}
"""Pairs of name and value, which plain data holds as a mapping."""

_LATER: Mapping[str, Any] = {"Verification": verification.Verification}
"""Names that a module imports for type checkers only."""


class Written:
    """Schemas of what is written: every field is there, numbers that are not finite are null, and no other field is."""

    number: ClassVar[Plain] = {"type": ["number", "null"]}

    def __init__(self) -> None:
        """No definitions yet."""
        self.definitions: dict[str, Plain] = {}

    def root(self, kind: type) -> Plain:
        """The schema of a dataclass, with the definitions that it refers to."""
        made = self.described(kind)
        if kind.__name__ in self.definitions:  # it holds one of its own kind
            made = {"$ref": f"#/$defs/{kind.__name__}"}
        return {**made, "$defs": self.definitions} if self.definitions else made

    def described(self, kind: type) -> Plain:
        """An object with the fields of a dataclass."""
        hints, told = get_type_hints(kind, localns=dict(_LATER)), dict(attribute_docs(kind))
        properties = {
            field.name: self.field(kind, field, hints[field.name], told.get(field.name, ""))
            for field in fields(kind)
            if field.init
        }
        return self.object(kind, properties)

    def object(self, kind: type, properties: dict[str, Plain]) -> Plain:
        """The object itself."""
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": kind is verification.Verification,
        }

    def field(self, kind: type, field: Field[Any], hint: Any, told: str) -> Plain:
        """One field."""
        made = self.of(hint)
        if (kind, field.name) in _PAIRS:
            made = {"type": "object", "additionalProperties": {"type": ["number", "string", "boolean"]}}
        if (kind, field.name) == (Scheme, "format"):
            made = self.format_id()
        if (kind, field.name) in _NAMES:
            nullable = field.default is None
            made = {"enum": [*_NAMES[kind, field.name], *([None] if nullable else [])]}
        return {**made, **({"description": told} if told else {})}

    def format_id(self) -> Plain:
        """The id of a number format."""
        self.definitions["Format"] = {"enum": list(FORMATS)}
        return {"$ref": "#/$defs/Format"}

    def of(self, hint: Any) -> Plain:
        """A type."""
        if hint is float:
            return dict(self.number)
        if hint in _SIMPLE:
            return dict(_SIMPLE[hint])
        origin, inner = get_origin(hint), get_args(hint)
        if origin in (Union, types.UnionType):
            return {"anyOf": [self.of(each) for each in inner]}
        if origin is tuple:
            return self._array(inner)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(inner[1])}
        name = hint.__name__
        if name not in self.definitions:
            self.definitions[name] = {}  # first, since a scheme holds a scheme
            self.definitions[name] = self.described(hint)
        return {"$ref": f"#/$defs/{name}"}

    def _array(self, inner: tuple[Any, ...]) -> Plain:
        if len(inner) == 2 and inner[1] is Ellipsis:
            return {"type": "array", "items": self.of(inner[0])}
        return {
            "type": "array",
            "prefixItems": [self.of(each) for each in inner],
            "items": False,
            "minItems": len(inner),
        }


class Given(Written):
    """Schemas of what people write: what is left out takes its default, and short forms are taken."""

    number: ClassVar[Plain] = {"type": "number"}

    def object(self, kind: type, properties: dict[str, Plain]) -> Plain:
        """The object itself, of which only what has no default is required."""
        needed = [f.name for f in fields(kind) if f.init and f.default is MISSING and f.default_factory is MISSING]
        version = {"version": {"enum": [1, VERSION]}} if kind is Recipe else {}
        return {
            "type": "object",
            "properties": {**version, **properties},
            "additionalProperties": False,
            **({"required": needed} if needed else {}),
        }

    def of(self, hint: Any) -> Plain:
        """A type; a scheme may be the id of a number format, an algorithm a text such as ``gptq:damping=0.1``."""
        made = super().of(hint)
        if hint is Scheme:
            return {"anyOf": [made, self.format_id()]}
        return {"anyOf": [made, {"type": "string"}]} if hint is AlgorithmCall else made


def attribute_docs(kind: type) -> Iterator[tuple[str, str]]:
    """The attributes that a class's docstring describes, and what it says."""
    _, _, told = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    section = re.split(r"\n\S", told, maxsplit=1)[0]
    for found in re.finditer(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
        yield found[1], " ".join(found[2].split())
