"""The state of the page as one small, versioned, validated value.

It is the permalink, the attributes of an embed and what "reset" resets. A typed table of properties drives parsing,
validation and serialisation; only what differs from the defaults is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from playground.errors import InvalidInputError, shown, typed
from playground.limits import MOST_QUERY, MOST_QUERY_FIELDS
from playground.model.recipe import DEFAULT_RUNTIME
from playground.model.recipe.representations import REPRESENTATIONS
from playground.number_formats import FORMATS
from playground.quantization import Scheme
from playground.settings.lists import (
    formats_of,
    formats_text,
    ids_of,
    parameters_of,
    parameters_text,
    sizes_of,
    sizes_text,
)
from playground.settings.schema import ACTIVATIONS, ANSWERS, FIELDS, GRANULARITIES, VERSION, VIEWS, checked, schema

__all__ = [
    "ACTIVATIONS",
    "ANSWERS",
    "FIELDS",
    "GRANULARITIES",
    "VERSION",
    "VIEWS",
    "Settings",
    "formats_of",
    "formats_text",
    "from_query",
    "ids_of",
    "parameters_of",
    "parameters_text",
    "schema",
    "sizes_of",
    "sizes_text",
]

MOST_NOTES = 10
"""Sentences about one link."""

_PLACEMENT = (
    "weights_granularity",
    "activations",
    "activation_calibrator",
    "activation_percentile",
    "exclude",
    "runtime",
    "algorithms",
    "parameters",
    "partial",
    "representation",
    "sizes",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a visitor can choose. ``None`` means "as calibrated", or the channel that reaches farthest."""

    view: str = "tensor"
    model: str = "digits-mlp"
    tensor: str = "fc2.weight"
    format: str = "int3"
    granularity: str = "tensor"
    axis: int = 0
    block_size: int = 32
    symmetric: bool = False
    narrow_range: bool = False
    convention: str = "onnxruntime"
    calibrator: str = "minmax"
    percentile: float = 99.9
    calibrator_parameters: str = ""
    lo: float | None = None
    hi: float | None = None
    zero_point: int | None = None
    zoom: bool = False
    channel: int | None = None
    weights: str = "int8"
    weights_granularity: str = "channel"
    activations: str = "static"
    activation_calibrator: str = "minmax"
    activation_percentile: float = 99.9
    exclude: str = ""
    formats: str = ""
    runtime: str = DEFAULT_RUNTIME
    algorithms: str = ""
    parameters: str = ""
    partial: bool = True
    representation: str = REPRESENTATIONS[0]
    sizes: str = ""
    answer: str = "auto"

    @property
    def scheme(self) -> Scheme:
        """The scheme of the Tensor view.

        Raises:
            InvalidInputError: the combination makes no scheme.
        """
        given = parameters_of(self.calibrator_parameters).get(self.calibrator, {})
        if self.calibrator == "percentile":
            given["percentile"] = self.percentile
        number_format = FORMATS[self.format]
        integer, own_blocks = number_format.family == "integer", number_format.family == "block"
        grouped = "tensor" if own_blocks else self.granularity
        return Scheme(
            format=self.format,
            granularity=grouped,
            axis=None if grouped == "tensor" else self.axis if grouped == "channel" else -1,
            block_size=self.block_size if grouped == "block" else None,
            symmetric=self.is_symmetric,
            narrow_range=self.narrow_range and integer and number_format.bits > 1,
            convention=self.convention,
            calibrator=self.calibrator,
            calibrator_args=tuple(given.items()),
        )

    @property
    def bits(self) -> int:
        """Bits a code."""
        return FORMATS[self.format].bits

    @property
    def is_symmetric(self) -> bool:
        """Whether the scheme is: formats without zero-points always are."""
        return self.symmetric or FORMATS[self.format].family != "integer"

    @property
    def recipe(self) -> tuple[Any, ...]:
        """What decides how the model is quantized: if this differs, a quantized model is out of date."""
        return (self.weights, self.formats, *self.placement)

    @property
    def placement(self) -> tuple[Any, ...]:
        """What decides which tensors are quantized and by what means, whatever their format."""
        return tuple(getattr(self, name) for name in _PLACEMENT)

    def with_(self, /, **changes: Any) -> Settings:
        """A copy with some properties changed, each validated.

        Raises:
            InvalidInputError: a property is unknown or its value is invalid.
        """
        return replace(self, **{name: checked(name, value) for name, value in changes.items()})

    def as_dict(self) -> dict[str, Any]:
        """Every property as plain data, with the version."""
        return {"version": VERSION} | {f.name: getattr(self, f.name) for f in fields(self)}

    def query(self) -> str:
        """The permalink's query string: the version and what differs from the defaults."""
        default = Settings()
        pairs: list[tuple[str, str]] = [("v", str(VERSION))]
        for f in fields(self):
            value = getattr(self, f.name)
            if value != getattr(default, f.name):
                pairs.append((f.name, _text(value)))
        return urlencode(pairs, quote_via=quote)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def from_query(query: str) -> tuple[Settings, tuple[str, ...]]:
    """Settings from a query string. What cannot be used keeps its default and is named in the second result.

    Args:
        query: with or without the leading question mark. Keys that are not settings (``theme``) are left alone.

    Returns:
        The settings, and one sentence for each value that was refused, at most ``MOST_NOTES``.
    """
    settings = Settings()
    try:
        pairs = _pairs(query)
    except InvalidInputError as error:
        return settings, (str(error),)
    version = dict(pairs).get("v", str(VERSION))
    if version != str(VERSION):
        return settings, (f"v: this link is of version {shown(version)} and this page reads version {VERSION}.",)
    notes = []
    for name, text in pairs:
        if name not in FIELDS:
            continue
        try:
            with typed(InvalidInputError, f"{shown(text)} is not a valid {name}", where=name, hint="Leave it out"):
                settings = settings.with_(**{name: text})
        except InvalidInputError as error:
            notes.append(str(error))
    return settings, _at_most(notes)


def _pairs(query: str) -> list[tuple[str, str]]:
    """The fields of a query. Raises InvalidInputError where it is longer than any link of ours."""
    if len(query) > MOST_QUERY or query.count("&") >= MOST_QUERY_FIELDS:
        raise InvalidInputError(
            f"a link of {len(query)} characters and {query.count('&') + 1} fields is too long",
            where="link",
            hint=f"Use at most {MOST_QUERY} characters and {MOST_QUERY_FIELDS} fields",
        )
    with typed(InvalidInputError, "the link cannot be read", where="link", hint="Copy it again from the page"):
        return parse_qsl(query.removeprefix("?"), keep_blank_values=True)


def _at_most(notes: Sequence[str]) -> tuple[str, ...]:
    if len(notes) <= MOST_NOTES:
        return tuple(notes)
    return (*notes[: MOST_NOTES - 1], f"{len(notes) - MOST_NOTES + 1} more values in the link were refused.")
