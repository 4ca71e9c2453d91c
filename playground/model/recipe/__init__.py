"""What is to be quantized and how, as one frozen value that JSON can hold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playground import notebook, plain_json
from playground.calls import Public, public, public_class
from playground.errors import InvalidInputError, shown, typed
from playground.limits import MOST_RECIPE_BYTES, MOST_RULES
from playground.model.recipe.activations import ACTIVATIONS, instead_of_rules, kind_of_activations
from playground.model.recipe.other_names import ATTRIBUTES, FIELDS, ON_RECIPE
from playground.model.recipe.parts import (
    PER_CHANNEL,
    AlgorithmCall,
    CalibrationSettings,
    Override,
    Rule,
    part_from,
    parts_from,
    require_fields,
)
from playground.model.recipe.representations import REPRESENTATIONS, representation_id
from playground.model.recipe.schemes import ONNX_FORMATS, require_activation_scheme, require_weight_scheme
from playground.quantization import Scheme, as_scheme
from playground.quantization.scheme import changed_fields

__all__ = ["ACTIVATIONS", "ONNX_FORMATS", "AlgorithmCall", "CalibrationSettings", "Override", "Recipe", "Rule"]

VERSION = 2
"""Version of the JSON form. Version 1 had rules of pattern and scheme, and the two schemes: it is still read."""

DEFAULT_RUNTIME = "onnxruntime"

_V1_FIELDS = ("version", "rules", "weights", "activations", "activation_scheme")
_FIELDS = (
    *_V1_FIELDS,
    "overrides",
    "calibration",
    "algorithms",
    "runtime",
    "operators",
    "biases",
    "prepare",
    "partial",
    "representation",
)

_PARTS: tuple[tuple[str, str, type, str], ...] = (
    ("rules", "rule", Rule, "pattern"),
    ("overrides", "override", Override, "tensor"),
    ("algorithms", "algorithm", AlgorithmCall, "id"),
)
"""The lists: field, name of one item, its type, the field that an item must have."""

ASYMMETRIC = Scheme("uint8", symmetric=False)
"""How activations are quantized unless something else is asked for."""


@public_class(
    "Recipe(weights='int4', activations='weight-only')",
    FIELDS,
    ATTRIBUTES,
    on_class=ON_RECIPE,
    refused={
        "__getitem__": "Use recipe.weights, or recipe.as_dict()['weights']",
        "__iter__": "Use recipe.as_dict()",
        "__len__": "Use len(recipe.rules)",
        "__call__": "Use quantize_model(model, recipe)",
        "__or__": "Use dataclasses.replace(recipe, weights='int4')",
        "__add__": "Use dataclasses.replace(recipe, weights='int4')",
        "keys": "Use {**recipe.as_dict()}, or dataclasses.replace(recipe, weights='int4')",
    },
)
@dataclass(frozen=True, slots=True)
class Recipe(metaclass=Public):
    """How to quantize a model.

    Attributes:
        rules: the first one that matches decides; ``weights`` holds for what none matches.
        weights: default scheme of weights, or the id of its format (then with a scale per channel); a channel axis is
            filled in from the operator.
        activations: ``"static"`` (quantized with ranges found on calibration data), ``"dynamic"`` (each input of a
            product is quantized as it comes, by the runtime) or ``"weight_only"`` (float).
        activation_scheme: their scheme: int8 or uint8, one scale a tensor; its calibrator finds their ranges.
        overrides: what single tensors get whatever the rules say.
        calibration: how much of the calibration data is used.
        algorithms: what is done besides rounding, in this order; see ``playground/ptq/``.
        runtime: id of the runtime that the model is for, whose restrictions are checked first; see
            ``playground.model.runtimes``.
        operators: the operators that are quantized; None: those that gain by it.
        biases: with static activations: ``"int32"`` (input scale times weight scale, as ONNX Runtime and TFLite have
            them) or ``"float"`` (as PyTorch has them).
        prepare: whether to fuse written-out layer normalizations and to remove dead code first, see
            ``playground.ptq.preparation``; batch normalizations behind products go into their weights in any case.
        partial: whether to quantize what can be where a part of the model cannot (control flow, operators that nothing
            here can run, values that are not finite, rules that match nothing), and to say what was left out. False is
            strict: such a model is refused.
        representation: the form of an ONNX file: ``"qdq"`` (operators on floats between QuantizeLinear and
            DequantizeLinear) or ``"qoperator"`` (operators on codes: QLinearConv, QGemm ...; with float activations
            MatMulNBits). What has no such operator has the other form.

    Raises:
        InvalidInputError: a field has an invalid value, or the recipe contradicts itself.
        UnsupportedError: a scheme asks for something that is not available yet.
    """

    rules: tuple[Rule, ...] = ()
    weights: Scheme = PER_CHANNEL
    activations: str = "static"
    activation_scheme: Scheme = ASYMMETRIC
    overrides: tuple[Override, ...] = ()
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    algorithms: tuple[AlgorithmCall, ...] = ()
    runtime: str = DEFAULT_RUNTIME
    operators: tuple[str, ...] | None = None
    biases: str = "int32"
    prepare: bool = False
    partial: bool = True
    representation: str = REPRESENTATIONS[0]
    _override_of: Mapping[str, Override] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Check every field, and the fields against each other."""
        self._check_lists()
        object.__setattr__(self, "activations", kind_of_activations(self.activations))
        object.__setattr__(self, "representation", representation_id(self.representation))
        if self.biases not in ("int32", "float"):
            raise InvalidInputError(
                f"{self.biases!r} is not a valid type of biases", where="biases", hint="Use 'int32' or 'float'"
            )
        object.__setattr__(self, "calibration", part_from(CalibrationSettings, self.calibration, "calibration"))
        for name in ("prepare", "partial"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidInputError(
                    f"{getattr(self, name)!r} is neither true nor false", where=name, hint="Use true or false"
                )
        object.__setattr__(self, "weights", as_scheme(self.weights, "weights", PER_CHANNEL))
        activation_scheme = as_scheme(self.activation_scheme, "activation_scheme", ASYMMETRIC)
        object.__setattr__(self, "activation_scheme", activation_scheme)
        if self._writes_onnx() and self.activations != "weight_only":
            for where, scheme in self.weight_schemes():
                require_weight_scheme(scheme, where)
        require_activation_scheme(self.activation_scheme, "activation_scheme")
        _require_no_contradiction(self)
        object.__setattr__(self, "_override_of", {override.tensor: override for override in self.overrides})

    def _check_lists(self) -> None:
        given: Any = self.rules
        if isinstance(given, str | Path | Mapping | Scheme):
            raise InvalidInputError(
                f"the rules are not a list but {shown(given)}", where="rules", hint=instead_of_rules(given)
            )
        for name, one, kind, needed in _PARTS:
            object.__setattr__(self, name, parts_from(kind, getattr(self, name), name, one, needed))
        if len(self.rules) > MOST_RULES:
            raise InvalidInputError(
                f"{len(self.rules)} rules are too many", where="rules", hint=f"Use at most {MOST_RULES}"
            )
        if self.operators is not None:
            given = self.operators
            if not isinstance(given, list | tuple) or not all(isinstance(op, str) and op for op in given):
                raise InvalidInputError(
                    f"{given!r} is not a list of operators", where="operators", hint="Use names: ['Conv']"
                )
            object.__setattr__(self, "operators", tuple(given))

    def _writes_onnx(self) -> bool:
        if self.runtime == DEFAULT_RUNTIME:
            return True
        from playground.model.runtimes import runtime

        target = runtime(self.runtime)
        return target.reads_graphs

    def scheme_for(self, tensor: str, *nodes: str, op: str = "", shape: Sequence[int] | None = None) -> Scheme | None:
        """The scheme of a weight that belongs to these nodes; None leaves it in float."""
        override = self.override_for(tensor)
        if override is not None and (override.skip or override.scheme is not None):
            return override.scheme
        rule = self.rule_for(tensor, *nodes, op=op, shape=shape)
        return self.weights if rule is None else rule.scheme

    def weight_schemes(self) -> Iterator[tuple[str, Scheme]]:
        """Every scheme that a weight can get, with the place in the recipe that gives it."""
        yield "weights", self.weights
        for rule in self.rules:
            if rule.scheme is not None:
                yield f"rule {rule.described}", rule.scheme
        for override in self.overrides:
            if override.scheme is not None:
                yield f"override of {override.tensor!r}", override.scheme

    def rule_for(self, *names: str, op: str = "", shape: Sequence[int] | None = None) -> Rule | None:
        """The first rule that matches one of the names (and the operator and the shape, if it asks for them)."""
        return next((rule for rule in self.rules if rule.matches(*names, op=op, shape=shape)), None)

    def override_for(self, tensor: str) -> Override | None:
        """What is fixed for a tensor."""
        return self._override_of.get(tensor)

    def activation_scheme_for(self, tensor: str) -> Scheme:
        """The scheme of an activation."""
        override = self.override_for(tensor)
        return override.scheme if override is not None and override.scheme is not None else self.activation_scheme

    def as_dict(self) -> dict[str, Any]:
        """The recipe as plain data; :meth:`from_dict` makes an equal one."""
        return {
            "version": VERSION,
            "rules": [rule.as_dict() for rule in self.rules],
            "weights": self.weights.as_dict(),
            "activations": self.activations,
            "activation_scheme": self.activation_scheme.as_dict(),
            "overrides": [override.as_dict() for override in self.overrides],
            "calibration": self.calibration.as_dict(),
            "algorithms": [call.as_dict() for call in self.algorithms],
            "runtime": self.runtime,
            "operators": None if self.operators is None else list(self.operators),
            "biases": self.biases,
            "prepare": self.prepare,
            "partial": self.partial,
            "representation": self.representation,
        }

    def __repr__(self) -> str:
        """What differs from the defaults, as one would type it."""
        return f"Recipe({', '.join(changed_fields(self, Recipe()))})"

    def _repr_html_(self) -> str:
        """What a notebook shows: what differs from the defaults."""
        names = [text.partition("=")[0] for text in changed_fields(self, Recipe())]
        changed = [(name, _shown_field(getattr(self, name))) for name in names]
        return notebook.card("Recipe", changed or [("all fields", "their defaults")])

    @public("recipe.to_json(), a text; pathlib.Path('recipe.json').write_text(recipe.to_json()) makes a file of it")
    def to_json(self, *, indent: int | None = 2) -> str:
        """The recipe as a JSON text, indented; on one line if ``indent`` is None."""
        return json.dumps(self.as_dict(), indent=indent)

    @staticmethod
    @public("Recipe.from_dict({'weights': 'int4'})")
    def from_dict(data: Mapping[str, Any]) -> Recipe:
        """A recipe from plain data of this version or an older one; what is left out takes its default.

        Raises:
            InvalidInputError: an unknown field or version, or an invalid value.
        """
        with typed(
            InvalidInputError,
            "a value has the wrong type",
            where="recipe",
            hint="Compare the recipe with docs/recipes.md",
        ):
            return Recipe._from_dict(data)

    @staticmethod
    def _from_dict(data: Mapping[str, Any]) -> Recipe:
        require_fields(data, _FIELDS, "recipe", FIELDS, "{'weights': 'int4'}")
        version = data.get("version", VERSION)
        if isinstance(version, bool) or version not in (1, VERSION):
            raise InvalidInputError(
                f"version {version!r} is unknown", where="recipe", hint=f"Use version 1 or {VERSION}"
            )
        if version == 1:
            require_fields(data, _V1_FIELDS, "recipe of version 1")
        return Recipe(**{name: value for name, value in data.items() if name != "version"})

    @staticmethod
    @public("Recipe.from_json(text)")
    def from_json(text: str) -> Recipe:
        """A recipe from a JSON text. Raises InvalidInputError as :meth:`from_dict`, and for a text that is not JSON."""
        return Recipe.from_dict(plain_data(text))


def _shown_field(value: Any) -> str:
    """A field for people: lists without brackets, algorithms as the texts that they are typed as."""
    if isinstance(value, tuple):
        return ", ".join(map(_shown_field, value))
    if isinstance(value, AlgorithmCall):
        return value.text
    return value if isinstance(value, str) else repr(value)


def plain_data(text: str | bytes) -> Any:
    """What a recipe's JSON text stands for. Raises InvalidInputError for what is not JSON, or too large."""
    given: Any = text
    if not isinstance(given, str | bytes):
        raise InvalidInputError(
            f"a value of type {type(given).__name__} is not a JSON text",
            where="recipe",
            hint="Give the text, as in Recipe.from_json(path.read_text())",
        )
    return plain_json.parse(text, InvalidInputError, "recipe", most_bytes=MOST_RECIPE_BYTES)


def _require_no_contradiction(recipe: Recipe) -> None:
    """Refuse what can only be a mistake (InvalidInputError)."""
    seen: dict[tuple[Any, ...], int] = {}
    for index, rule in enumerate(recipe.rules):
        first = seen.setdefault((rule.pattern, rule.op, rule.shape), index)
        if first != index and recipe.rules[first].scheme != rule.scheme:
            raise InvalidInputError(
                f"rules {first + 1} and {index + 1} give different schemes for {rule.described}",
                where="rules",
                hint="Remove one of them: only the first has an effect",
            )
    counts = Counter(override.tensor for override in recipe.overrides)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        raise InvalidInputError(f"{twice!r} has two overrides", where="overrides", hint="Merge them into one")
    scheme = recipe.activation_scheme
    if recipe.activations == "dynamic" and (scheme.format != "uint8" or scheme.symmetric):
        raise InvalidInputError(
            "dynamic activations need asymmetric uint8, the only scheme of DynamicQuantizeLinear",
            where="activation_scheme",
            hint="Leave the scheme out, or use activations 'static'",
        )
