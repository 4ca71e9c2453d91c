"""What each setting may be, as data: Python validates with it, and so does the page, which gets it as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from playground.errors import InvalidInputError, one_of, shown
from playground.limits import MOST_QUERY, MOST_QUERY_FIELDS
from playground.model.recipe.representations import REPRESENTATIONS
from playground.quantization.grouping import GRANULARITIES as SCHEME_GRANULARITIES
from playground.settings.lists import MOST_DIGITS, NUMBER, formats_of, ids_of, number_of, parameters_of, sizes_of

VERSION = 1

VIEWS = ("tensor", "model", "run", "export")
GRANULARITIES = ("tensor", "channel")
"""How many scales a weight of an ONNX file can have."""
ACTIVATIONS = ("static", "dynamic", "weight_only")

ANSWERS = ("auto", "boxes", "pixels", "sequences", "tokens", "embeddings", "classes", "values")
"""Kinds of answers (docs/answers.md); ``"auto"``: as the outputs look."""

MOST_FORMATS = 20_000
"""Characters that may say which weights have formats of their own."""

_FLOAT32_MAX = 3.4e38


@dataclass(frozen=True, slots=True)
class Field:
    """One setting.

    Attributes:
        kind: ``"choice"``, ``"boolean"``, ``"number"``, ``"integer"``, ``"text"``, or a list in a text: ``"ids"``,
            ``"formats"``, ``"parameters"``, ``"sizes"``.
        accepted: the texts that a choice may be.
        registry: or the function of ``playground.api`` whose ids it may be.
        lowest: of a number.
        highest: of a number.
        most: characters of a text.
        optional: whether None (in a link: nothing) is a value.
        view: ``"tensor"`` if the page draws the Tensor view with it before Python has answered; ``"python"`` if only
            Python's picture of it depends on it.
    """

    kind: str
    accepted: tuple[str, ...] = ()
    registry: str = ""
    lowest: float = -_FLOAT32_MAX
    highest: float = _FLOAT32_MAX
    most: int = 1000
    optional: bool = False
    view: str = ""

    def choices(self) -> tuple[str, ...]:
        """What a choice may be."""
        if not self.registry:
            return self.accepted
        from playground import api

        return tuple(getattr(api, self.registry)())


_TENSOR: Mapping[str, Any] = {"view": "tensor"}

FIELDS: Mapping[str, Field] = {
    "view": Field("choice", VIEWS),
    "model": Field("text", **_TENSOR),
    "tensor": Field("text", **_TENSOR),
    "format": Field("choice", registry="formats", **_TENSOR),
    "granularity": Field("choice", SCHEME_GRANULARITIES, **_TENSOR),
    "axis": Field("integer", lowest=-16, highest=15, **_TENSOR),
    "block_size": Field("integer", lowest=1, highest=65536, **_TENSOR),
    "symmetric": Field("boolean", **_TENSOR),
    "narrow_range": Field("boolean", **_TENSOR),
    "convention": Field("choice", registry="conventions", **_TENSOR),
    "calibrator": Field("choice", registry="calibrators", **_TENSOR),
    "percentile": Field("number", lowest=50, highest=100, **_TENSOR),
    "calibrator_parameters": Field("parameters", view="python"),
    "lo": Field("number", optional=True, **_TENSOR),
    "hi": Field("number", optional=True, **_TENSOR),
    "zero_point": Field("integer", lowest=-(2**15), highest=2**16, optional=True, **_TENSOR),
    "zoom": Field("boolean", **_TENSOR),
    "channel": Field("integer", lowest=0, highest=2**31 - 1, optional=True, **_TENSOR),
    "weights": Field("choice", registry="formats"),
    "weights_granularity": Field("choice", GRANULARITIES),
    "activations": Field("choice", ACTIVATIONS),
    "activation_calibrator": Field("choice", registry="calibrators"),
    "activation_percentile": Field("number", lowest=0, highest=100),
    "exclude": Field("text"),
    "formats": Field("formats", most=MOST_FORMATS),
    "runtime": Field("ids"),
    "algorithms": Field("ids"),
    "parameters": Field("parameters"),
    "partial": Field("boolean"),
    "representation": Field("choice", REPRESENTATIONS),
    "sizes": Field("sizes"),
    "answer": Field("choice", ANSWERS),
}
"""Setting -> what it may be, in the order of :class:`playground.settings.Settings`."""


def schema() -> dict[str, Any]:
    """All of it as JSON can hold it; ``static/fastpath/link.mjs`` reads this.

    Returns:
        ``version``, ``most_characters``, ``most_fields``, ``number`` (a regular expression) and ``fields``: by name
        ``kind``, ``view``, ``optional``, and by kind ``accepted``, ``lowest`` and ``highest``, ``most``.
    """
    return {
        "version": VERSION,
        "most_characters": MOST_QUERY,
        "most_fields": MOST_QUERY_FIELDS,
        "number": f"^{NUMBER}$",
        "fields": {name: _plain(field) for name, field in FIELDS.items()},
    }


def _plain(field: Field) -> dict[str, Any]:
    plain: dict[str, Any] = {"kind": field.kind, "view": field.view, "optional": field.optional}
    if field.kind == "choice":
        plain["accepted"] = list(field.choices())
    elif field.kind in ("number", "integer"):
        plain |= {"lowest": field.lowest, "highest": field.highest, "most": MOST_DIGITS}
    elif field.kind != "boolean":
        plain["most"] = field.most
    return plain


def checked(name: str, value: Any) -> Any:
    """A setting's value as :class:`playground.settings.Settings` keeps it, from plain data or from a link's text.

    Raises:
        InvalidInputError: there is no such setting, or the value is invalid; names the valid ones.
    """
    if name not in FIELDS:
        raise InvalidInputError(f"there is no setting {shown(name)}", where="settings", hint=one_of(name, FIELDS))
    field = FIELDS[name]
    if field.optional and (value is None or value == ""):
        return None
    return _CHECKS[field.kind](name, field, value)


def _choice(name: str, field: Field, value: Any) -> str:
    choices = field.choices()
    if not isinstance(value, str) or value not in choices:
        raise InvalidInputError(f"{shown(value)} is not a {name}", where=name, hint=one_of(value, choices))
    return value


def _boolean(name: str, _field: Field, value: Any) -> bool:
    known = {"1": True, "true": True, "0": False, "false": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in known:
        return known[value.lower()]
    raise InvalidInputError(f"{shown(value)} is neither true nor false", where=name, hint="Use 1 or 0")


def _number(name: str, field: Field, value: Any) -> float:
    """Numbers of nine digits, as a permalink writes them: every float32 is one."""
    try:
        given = number_of(value.strip(" ")) if isinstance(value, str) else float(value)
        number = float(f"{given:.9g}")
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInputError(f"{shown(value)} is not a finite number", where=name, hint="Use a finite number")
    if not field.lowest <= number <= field.highest:
        hint = f"Use a number from {field.lowest:g} to {field.highest:g}"
        raise InvalidInputError(f"{shown(value)} is out of range", where=name, hint=hint)
    return number


def _integer(name: str, field: Field, value: Any) -> int:
    number = _number(name, field, value)
    if number != int(number):
        raise InvalidInputError(f"{shown(value)} is not a whole number", where=name, hint="Use a whole number")
    return int(number)


def _text(name: str, field: Field, value: Any) -> str:
    if not isinstance(value, str) or len(value) > field.most:
        raise InvalidInputError(
            f"{shown(value)} is not a valid {name}", where=name, hint=f"Use a text of at most {field.most} characters"
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # an unpaired surrogate cannot be written in a link
        raise InvalidInputError(
            f"{shown(value)} is not valid Unicode", where=name, hint="Remove the unpaired surrogates"
        ) from error
    return value


def _ids(name: str, field: Field, value: Any) -> str:
    """Ids with commas between them. Whether they are known is found out when they are used, which imports them."""
    text = _text(name, field, value)
    if not all(part.isidentifier() for part in ids_of(text.replace("-", "_"))):
        raise InvalidInputError(
            f"{shown(value)} is not a list of ids", where=name, hint="Write equalize,gptq, for instance"
        )
    return text


def _formats(name: str, field: Field, value: Any) -> str:
    """A text as :func:`formats_of` reads it."""
    text = _text(name, field, value)
    formats_of(text)
    return text


def _parameters(name: str, field: Field, value: Any) -> str:
    """A text as :func:`parameters_of` reads it."""
    text = _text(name, field, value)
    parameters_of(text)
    return text


def _sizes(name: str, field: Field, value: Any) -> str:
    """A text as :func:`sizes_of` reads it."""
    text = _text(name, field, value)
    sizes_of(text)
    return text


_CHECKS: Mapping[str, Callable[[str, Field, Any], Any]] = {
    "choice": _choice,
    "boolean": _boolean,
    "number": _number,
    "integer": _integer,
    "text": _text,
    "ids": _ids,
    "formats": _formats,
    "parameters": _parameters,
    "sizes": _sizes,
}
