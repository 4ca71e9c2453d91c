"""What is to be quantized and how, as one frozen value that JSON can hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from playground.core import Scheme
from playground.errors import InvalidInputError, PlaygroundError, UnsupportedError
from playground.number_formats import FORMATS

VERSION = 1
"""Version of the JSON form."""

ACTIVATIONS = ("static", "weight_only")

ONNX_FORMATS = tuple(name for name, fmt in FORMATS.items() if fmt.family == "integer" and 2 <= fmt.bits <= 8)
"""The formats in which a weight can be written into an ONNX file so far."""

_FIELDS = ("version", "rules", "weights", "activations", "activation_scheme")


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do with the weights whose name, or whose node's name, matches a pattern.

    Attributes:
        pattern: shell-style: ``*`` any text, ``?`` one character, ``[ab]`` one of these; case matters.
        scheme: how to quantize them; None leaves them, and the node they belong to, in float.
    """

    pattern: str
    scheme: Scheme | None = None

    def __post_init__(self) -> None:
        """Check both fields."""
        if not isinstance(self.pattern, str) or not self.pattern:
            raise InvalidInputError(f"{self.pattern!r} is no pattern", where="pattern", hint="For instance 'conv1.*'")
        if self.scheme is not None:
            _require_weight_scheme(self.scheme, f"rule {self.pattern!r}")

    def matches(self, *names: str) -> bool:
        """Whether one of the names matches the pattern."""
        return any(fnmatchcase(name, self.pattern) for name in names)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to quantize a model.

    Attributes:
        rules: the first one that matches decides; ``weights`` holds for what none matches.
        weights: default scheme of weights; a channel axis is filled in from the operator.
        activations: ``"static"`` (quantized with ranges found on calibration data) or ``"weight_only"`` (float).
        activation_scheme: their scheme: int8 or uint8, one scale a tensor; its calibrator finds their ranges.

    Raises:
        InvalidInputError: a field has a value that is not accepted.
        UnsupportedError: a scheme asks for something that is not available yet.
    """

    rules: tuple[Rule, ...] = ()
    weights: Scheme = field(default_factory=lambda: Scheme("int8", granularity="channel"))
    activations: str = "static"
    activation_scheme: Scheme = field(default_factory=lambda: Scheme("uint8", symmetric=False))

    def __post_init__(self) -> None:
        """Check every field."""
        object.__setattr__(self, "rules", tuple(self.rules))
        for rule in self.rules:
            if not isinstance(rule, Rule):
                raise InvalidInputError(f"{rule!r} is no rule", where="rules", hint="Use Rule(pattern, scheme)")
        if self.activations not in ACTIVATIONS:
            raise InvalidInputError(
                f"{self.activations!r} is not accepted", where="activations", hint=f"Use {' or '.join(ACTIVATIONS)}"
            )
        _require_weight_scheme(self.weights, "weights")
        _require_activation_scheme(self.activation_scheme)

    def scheme_for(self, tensor: str, *nodes: str) -> Scheme | None:
        """The scheme of a weight that belongs to these nodes; None leaves it in float."""
        rule = self.rule_for(tensor, *nodes)
        return self.weights if rule is None else rule.scheme

    def rule_for(self, *names: str) -> Rule | None:
        """The first rule that matches one of the names."""
        return next((rule for rule in self.rules if rule.matches(*names)), None)

    def as_dict(self) -> dict[str, Any]:
        """The recipe as plain data; :meth:`from_dict` makes an equal one."""
        return {
            "version": VERSION,
            "rules": [
                {"pattern": rule.pattern, "scheme": rule.scheme.as_dict() if rule.scheme else None}
                for rule in self.rules
            ],
            "weights": self.weights.as_dict(),
            "activations": self.activations,
            "activation_scheme": self.activation_scheme.as_dict(),
        }

    def to_json(self) -> str:
        """The recipe as a JSON text, indented."""
        return json.dumps(self.as_dict(), indent=2)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Recipe:
        """A recipe from plain data; what is left out takes its default.

        Raises:
            InvalidInputError: an unknown field or version, or a value that is not accepted.
        """
        _require_fields(data, _FIELDS, "recipe")
        if data.get("version", VERSION) != VERSION:
            raise InvalidInputError(
                f"version {data['version']!r} is not known", where="recipe", hint=f"This is version {VERSION}"
            )
        given: dict[str, Any] = {name: data[name] for name in ("activations",) if name in data}
        for name in ("weights", "activation_scheme"):
            if name in data:
                given[name] = _scheme(data[name], name)
        rules = data.get("rules", [])
        if not isinstance(rules, list):
            raise InvalidInputError("the rules are no list", where="recipe")
        return Recipe(rules=tuple(_rule(rule, index) for index, rule in enumerate(rules)), **given)

    @staticmethod
    def from_json(text: str) -> Recipe:
        """A recipe from a JSON text. Raises InvalidInputError as :meth:`from_dict`, and for what is no JSON."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"it is no JSON ({error})", where="recipe") from error
        return Recipe.from_dict(data)


def _require_fields(data: Any, accepted: tuple[str, ...], where: str) -> None:
    if not isinstance(data, Mapping):
        raise InvalidInputError(f"{type(data).__name__} is no set of fields", where=where)
    unknown = [str(name) for name in data if name not in accepted]
    if unknown:
        raise InvalidInputError(f"unknown field {', '.join(unknown)}", where=where, hint=f"Use {', '.join(accepted)}")


def _rule(data: Any, index: int) -> Rule:
    where = f"recipe: rule {index + 1}"
    _require_fields(data, ("pattern", "scheme"), where)
    if "pattern" not in data:
        raise InvalidInputError("it has no pattern", where=where)
    return Rule(data["pattern"], None if data.get("scheme") is None else _scheme(data["scheme"], where))


def _scheme(data: Any, where: str) -> Scheme:
    _require_fields(data, tuple(Scheme.__dataclass_fields__), where)
    try:
        return Scheme(**data)
    except PlaygroundError as error:
        raise type(error)(error.what, where=f"{where}: {error.where}", hint=error.hint) from error


def _require_weight_scheme(scheme: Any, where: str) -> None:
    if not isinstance(scheme, Scheme):
        raise InvalidInputError(f"{scheme!r} is no scheme", where=where, hint="Use Scheme(...)")
    if scheme.format not in ONNX_FORMATS:
        raise UnsupportedError(
            f"format {scheme.format!r} is not available yet in ONNX files",
            where=where,
            hint=f"Use one of: {', '.join(ONNX_FORMATS)}",
        )
    if scheme.scale_scheme is not None or scheme.centre or scheme.zero_rule != "integer" or not scheme.zero_in_range:
        raise UnsupportedError("DequantizeLinear has float32 scales and zero-points that are codes", where=where)
    if scheme.granularity not in ("tensor", "channel"):
        raise UnsupportedError(f"granularity {scheme.granularity!r} is not available yet in ONNX files", where=where)


def _require_activation_scheme(scheme: Any) -> None:
    where = "activation_scheme"
    if not isinstance(scheme, Scheme):
        raise InvalidInputError(f"{scheme!r} is no scheme", where=where, hint="Use Scheme(...)")
    if scheme.format not in ("int8", "uint8"):
        raise InvalidInputError(
            f"format {scheme.format!r}: QuantizeLinear saturates at 8 bits", where=where, hint="Use int8 or uint8"
        )
    if scheme.granularity != "tensor":
        raise UnsupportedError(
            f"granularity {scheme.granularity!r}: activations have one scale a tensor", where=where, hint="Use 'tensor'"
        )
    if scheme.rounding_rule.id != "half_even":
        raise InvalidInputError(
            f"rounding {scheme.rounding_rule.id!r}: QuantizeLinear rounds half to even",
            where=where,
            hint="Use 'half_even'",
        )
