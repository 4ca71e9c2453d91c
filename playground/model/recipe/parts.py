"""What a recipe consists of: rules, overrides, calibration settings, algorithms. Frozen, and checked when made."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from playground.calls import Instead, unknown_field
from playground.errors import InvalidInputError, PlaygroundError, plural
from playground.limits import MOST_PATTERN
from playground.quantization import Scheme, as_scheme
from playground.quantization.scheme import changed_fields

Shape = tuple[int | None, ...]

EXAMPLES = {
    "rules": "[{'pattern': 'fc1.*', 'scheme': 'int8'}]",
    "overrides": "[{'tensor': 'fc1.weight', 'skip': True}]",
    "algorithms": "['gptq', 'smoothquant:alpha=0.5']",
    "calibration": "{'samples': 100}",
}
"""What the parts of a recipe look like."""

PER_CHANNEL = Scheme("int8", granularity="channel")
"""How weights are quantized unless something else is asked for; a format alone is put into it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do with the weights that match: all that is given has to.

    Attributes:
        pattern: of the tensor's or its node's name, shell-style: ``*`` any text, ``?`` one character, ``[ab]`` one of
            these; case matters.
        scheme: how to quantize them; None leaves them, and the node they belong to, in float.
        op: the node's operator (``"Conv"``); empty: any.
        shape: the tensor's shape, None for any size: ``(None, 1, 3, 3)`` are depthwise 3x3 kernels. None: any shape.
    """

    pattern: str = "*"
    scheme: Scheme | None = None
    op: str = ""
    shape: Shape | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        if not isinstance(self.pattern, str) or not self.pattern:
            what = f"{self.pattern!r} is not a pattern"
            raise InvalidInputError(what, where="pattern", hint="Write 'conv1.*', for instance")
        if len(self.pattern) > MOST_PATTERN:
            what = f"a pattern of {len(self.pattern)} characters is too long"
            raise InvalidInputError(what, where="pattern", hint=f"Use at most {MOST_PATTERN}")
        if self.scheme is not None:
            object.__setattr__(self, "scheme", as_scheme(self.scheme, f"rule {self.pattern!r}", PER_CHANNEL))
        if not isinstance(self.op, str):
            raise InvalidInputError(
                f"{self.op!r} is not the name of an operator", where="op", hint="Write 'Conv', for instance"
            )
        if self.shape is not None:
            object.__setattr__(self, "shape", _shape(self.shape))

    def __repr__(self) -> str:
        """What is given, as one would type it."""
        given = [repr(self.pattern), *([] if self.scheme is None else [repr(self.scheme)])]
        return f"Rule({', '.join([*given, *changed_fields(self, Rule(self.pattern, self.scheme))])})"

    def matches(self, *names: str, op: str = "", shape: Sequence[int] | None = None) -> bool:
        """Whether one of the names matches the pattern, and operator and shape do where the rule asks for them."""
        if self.op and self.op != op:
            return False
        if self.shape is not None and (shape is None or not _same_shape(self.shape, shape)):
            return False
        return any(fnmatchcase(name, self.pattern) for name in names)

    @property
    def described(self) -> str:
        """What it asks for, in a few words."""
        parts = [repr(self.pattern)]
        if self.op:
            parts.append(self.op)
        if self.shape is not None:
            parts.append("x".join("?" if dim is None else str(dim) for dim in self.shape))
        return " ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        plain: dict[str, Any] = {"pattern": self.pattern, "scheme": self.scheme.as_dict() if self.scheme else None}
        if self.op:
            plain["op"] = self.op
        if self.shape is not None:
            plain["shape"] = list(self.shape)
        return plain


@dataclass(frozen=True, slots=True)
class Override:
    """What one tensor (a weight or an activation) gets whatever the rules say.

    Attributes:
        tensor: its name, exactly.
        scheme: how; None: as the rules say.
        skip: leave it, and the nodes that it belongs to, in float.
        range: smallest and largest value, instead of what calibration finds.
        scale: instead of one that follows from a range: one, or one a channel.
        zero_point: given together with ``scale``.
    """

    tensor: str
    scheme: Scheme | None = None
    skip: bool = False
    range: tuple[float, float] | None = None
    scale: tuple[float, ...] | None = None
    zero_point: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Check every field, and the fields against each other."""
        where = f"override of {self.tensor!r}"
        if not isinstance(self.tensor, str) or not self.tensor:
            raise InvalidInputError(
                f"{self.tensor!r} is not the name of a tensor", where="overrides", hint="Use the exact name"
            )
        if self.scheme is not None:
            object.__setattr__(self, "scheme", as_scheme(self.scheme, where, PER_CHANNEL))
        if not isinstance(self.skip, bool):
            raise InvalidInputError(
                f"{self.skip!r} is neither true nor false", where=f"{where}: skip", hint="Use true or false"
            )
        given = [name for name in ("scheme", "range", "scale", "zero_point") if getattr(self, name) is not None]
        if self.skip and given:
            _contradiction(where, "skip", given[0])
        if self.range is not None and self.scale is not None:
            _contradiction(where, "range", "scale")
        if (self.scale is None) != (self.zero_point is None):
            raise InvalidInputError(
                "scale and zero_point must be given together", where=where, hint="Give both, or neither"
            )
        if not self.skip and not given:
            raise InvalidInputError(
                "the override has no effect", where=where, hint="Give a scheme, a range, a scale, or skip"
            )
        for name in ("range", "scale"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _numbers(getattr(self, name), f"{where}: {name}"))
        self._check_values(where)

    def _check_values(self, where: str) -> None:
        if self.range is not None and (len(self.range) != 2 or self.range[0] > self.range[1]):
            raise InvalidInputError(
                f"{self.range} is not a valid range", where=where, hint="Give the smallest value, then the largest"
            )
        if self.scale is not None and min(self.scale) <= 0:
            raise InvalidInputError(f"{min(self.scale)} is not a valid scale", where=where, hint="Use positive numbers")
        if self.zero_point is not None:
            points = tuple(self.zero_point) if isinstance(self.zero_point, Sequence) else (self.zero_point,)
            if any(isinstance(p, bool) or not isinstance(p, int) for p in points):
                raise InvalidInputError(
                    f"{self.zero_point!r} is not a valid zero-point", where=f"{where}: zero_point", hint="Use integers"
                )
            if self.scale is not None and len(points) != len(self.scale):
                raise InvalidInputError(
                    f"{plural(len(self.scale), 'scale')} and {plural(len(points), 'zero-point')} do not match",
                    where=where,
                    hint="Give as many of each",
                )
            object.__setattr__(self, "zero_point", points)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, without what is not given."""
        plain: dict[str, Any] = {"tensor": self.tensor}
        if self.scheme is not None:
            plain["scheme"] = self.scheme.as_dict()
        if self.skip:
            plain["skip"] = True
        for name in ("range", "scale", "zero_point"):
            if getattr(self, name) is not None:
                plain[name] = list(getattr(self, name))
        return plain


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """How the ranges of activations are looked for. What finds them is the activation scheme's calibrator.

    Attributes:
        samples: at most so many; None: all there are.
        batch: how many are run at once; None: as many as fit into memory, 32 at most.
    """

    samples: int | None = None
    batch: int | None = None

    def __post_init__(self) -> None:
        """Check both fields."""
        for name in ("samples", "batch"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise InvalidInputError(
                    f"{value!r} is not a number of samples", where=f"calibration: {name}", hint="Use a positive integer"
                )

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"samples": self.samples, "batch": self.batch}


@dataclass(frozen=True, slots=True)
class AlgorithmCall:
    """One algorithm with its parameters, as (name, number) pairs; a mapping is accepted too."""

    id: str
    parameters: tuple[tuple[str, float], ...] = ()

    def __repr__(self) -> str:
        """What is given, as one would type it."""
        return (
            f"AlgorithmCall({', '.join([repr(self.id), *([repr(dict(self.parameters))] if self.parameters else [])])})"
        )

    @property
    def text(self) -> str:
        """It as a text that a recipe takes: ``smoothquant:alpha=0.5``."""
        given = ",".join(f"{name}={value}" for name, value in self.parameters)
        return f"{self.id}:{given}" if given else self.id

    def __post_init__(self) -> None:
        """Check both fields. Whether the algorithm exists is checked when it is used."""
        if not isinstance(self.id, str) or not self.id:
            raise InvalidInputError(
                f"{self.id!r} is not an algorithm", where="algorithms", hint="Use an id such as 'gptq'"
            )
        given: Any = self.parameters
        pairs = given.items() if isinstance(given, Mapping) else given
        try:
            checked = tuple((str(name), value) for name, value in pairs)
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                f"{given!r} is not a mapping of parameters", where=f"algorithm {self.id!r}", hint="Use {name: number}"
            ) from error
        for name, value in checked:
            if not _is_number(value):
                raise InvalidInputError(
                    f"{value!r} is not a finite number",
                    where=f"algorithm {self.id!r}: {name}",
                    hint="Use finite numbers",
                )
        object.__setattr__(self, "parameters", checked)

    @staticmethod
    def from_text(text: str) -> AlgorithmCall:
        """An algorithm as one types it: ``id``, or ``id:name=value,name=value``. Raises InvalidInputError."""
        name, _, given = text.partition(":")
        return AlgorithmCall(name, pairs_from(given.split(",") if given else (), "algorithms", "damping=0.1"))  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"id": self.id, "parameters": dict(self.parameters)}


def pairs_from(texts: Iterable[str], where: str, example: str) -> tuple[tuple[str, int | float | str], ...]:
    """Names and values of parameters, each as ``name=value`` (InvalidInputError)."""
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidInputError(f"{text!r} is not NAME=VALUE", where=where, hint=f"Write {example}, for instance")
        pairs.append((name, _number(value)))
    return tuple(pairs)


def _number(text: str) -> int | float | str:
    """An integer or another number where the text is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def require_fields(
    data: Any, accepted: Sequence[str], where: str, instead: Instead | None = None, example: str = ""
) -> None:
    """Raise InvalidInputError if plain data is not a mapping, or has unknown fields."""
    if not isinstance(data, Mapping):
        raise InvalidInputError(
            f"a value of type {type(data).__name__} has no fields",
            where=where,
            hint=f"Give an object (a mapping), as in {example}" if example else "Give an object (a mapping)",
        )
    unknown = [name for name in data if name not in accepted]
    if unknown:
        first = str(unknown[0])
        error = unknown_field(first, data[unknown[0]], accepted, where, instead or {})
        names = ", ".join(map(str, unknown))
        raise InvalidInputError(f"there is no field {names}", where=where, hint=error.hint)


def part_from(kind: Any, data: Any, where: str, needed: str = "", listed: str = "") -> Any:
    """A part (:class:`Rule` and its like) from plain data, schemes included; ``listed`` is the list that it is in."""
    if isinstance(data, kind):
        return data
    if isinstance(data, str) and kind is AlgorithmCall:
        return AlgorithmCall.from_text(data)
    example = EXAMPLES.get(listed or where, "")
    require_fields(data, [field.name for field in fields(kind)], where, example=example)
    if needed and needed not in data:
        raise InvalidInputError(f"the field {needed} is missing", where=where, hint="Add it")
    given = dict(data)
    if given.get("scheme") is not None:
        given["scheme"] = as_scheme(given["scheme"], where, PER_CHANNEL)
    try:
        return kind(**given)
    except PlaygroundError as error:
        raise error.at(f"{where}: {error.where}") from error


def parts_from(kind: Any, data: Any, name: str, one: str, needed: str) -> tuple[Any, ...]:
    """A list of parts from plain data (InvalidInputError)."""
    if not isinstance(data, list | tuple):
        hint = f"Write a list, even for one: {name}={EXAMPLES[name]}"
        raise InvalidInputError(f"the {name} are not a list", where=name, hint=hint)
    return tuple(part_from(kind, item, f"{one} {index + 1}", needed, name) for index, item in enumerate(data))


def _contradiction(where: str, one: str, other: str) -> None:
    raise InvalidInputError(f"{one} and {other} cannot be given together", where=where, hint="Leave one of them out")


def _is_number(value: Any) -> bool:
    """Whether it is finite, also as a float (which a larger integer is not)."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= sys.float_info.max


def _numbers(given: Any, where: str) -> tuple[float, ...]:
    values = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    if not values or not all(map(_is_number, values)):
        raise InvalidInputError(f"{given!r} is not a list of numbers", where=where, hint="Use finite numbers")
    return tuple(float(value) for value in values)


def _shape(given: Any) -> Shape:
    dims = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    if any(isinstance(d, bool) or (d is not None and (not isinstance(d, int) or d < 0)) for d in dims):
        raise InvalidInputError(
            f"{given!r} is not a shape", where="shape", hint="Use sizes, and null for any size: [null, 1, 3, 3]"
        )
    return dims


def _same_shape(asked: Shape, shape: Sequence[int]) -> bool:
    return len(asked) == len(shape) and all(a in (None, size) for a, size in zip(asked, shape, strict=True))
