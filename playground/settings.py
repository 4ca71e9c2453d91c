"""The state of the page as one small, versioned, validated value.

It is the permalink, the attributes of an embed and what "reset" resets. A typed table of properties drives parsing,
validation and serialisation; only what differs from the defaults is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from playground.errors import InvalidInputError
from playground.model.recipe import DEFAULT_RUNTIME, ONNX_FORMATS
from playground.number_formats import FORMATS
from playground.quantization import Scheme
from playground.quantization.grouping import GRANULARITIES as SCHEME_GRANULARITIES

VERSION = 1

VIEWS = ("tensor", "model", "run", "export")
GRANULARITIES = ("tensor", "channel")
"""How many scales a weight of an ONNX file can have."""
ACTIVATIONS = ("static", "dynamic", "weight_only")

MOST_FORMATS = 20_000
"""Characters that may say which weights have formats of their own."""

_PLACEMENT = ("weights_granularity", "activations", "exclude", "runtime", "algorithms", "parameters", "partial")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a visitor can choose. ``None`` means "as calibrated"."""

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
    lo: float | None = None
    hi: float | None = None
    zero_point: int | None = None
    zoom: bool = False
    weights: str = "int8"
    weights_granularity: str = "channel"
    activations: str = "static"
    exclude: str = ""
    formats: str = ""
    runtime: str = DEFAULT_RUNTIME
    algorithms: str = ""
    parameters: str = ""
    partial: bool = False

    @property
    def scheme(self) -> Scheme:
        """The scheme of the Tensor view.

        Raises:
            InvalidInputError: the combination makes no scheme.
        """
        arguments = (("percentile", self.percentile),) if self.calibrator == "percentile" else ()
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
            calibrator_args=arguments,
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
            InvalidInputError: a property is unknown or its value is not accepted.
        """
        checked = {name: _check(name, value) for name, value in changes.items()}
        return replace(self, **checked)

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


def _choice(*accepted: str) -> Callable[[str, Any], Any]:
    def check(name: str, value: Any) -> Any:
        if value not in accepted:
            raise InvalidInputError(f"{value!r} is not a {name}", where=name, hint=f"Use one of: {', '.join(accepted)}")
        return value

    return check


def _registered(which: str) -> Callable[[str, Any], Any]:
    def check(name: str, value: Any) -> Any:
        from playground import api

        return _choice(*getattr(api, which)())(name, value)

    return check


def _boolean(name: str, value: Any) -> bool:
    known = {"1": True, "true": True, "0": False, "false": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in known:
        return known[value.lower()]
    raise InvalidInputError(f"{value!r} is neither true nor false", where=name, hint="Use 1 or 0")


def _number(lowest: float, highest: float) -> Callable[[str, Any], float]:
    """Numbers of nine digits, as a permalink writes them: every float32 is one."""

    def check(name: str, value: Any) -> float:
        try:
            number = float(f"{float(value):.9g}")
        except (TypeError, ValueError, OverflowError):
            raise InvalidInputError(f"{value!r} is not a number", where=name) from None
        if not math.isfinite(number) or not lowest <= number <= highest:
            raise InvalidInputError(f"{value!r} is out of range", where=name, hint=f"Use {lowest:g} to {highest:g}")
        return number

    return check


def _integer(lowest: int, highest: int) -> Callable[[str, Any], int]:
    number = _number(lowest, highest)

    def check(name: str, value: Any) -> int:
        checked = number(name, value)
        if checked != int(checked):
            raise InvalidInputError(f"{value!r} is not a whole number", where=name)
        return int(checked)

    return check


def _optional(check: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    return lambda name, value: None if value is None or value == "" else check(name, value)


def _name(name: str, value: Any, most: int = 1000) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise InvalidInputError(f"not a text of at most {most} characters", where=name)
    try:
        value.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair: no link could hold it
        raise InvalidInputError(f"{value!r} is not valid Unicode", where=name) from error
    return value


def _ids(name: str, value: Any) -> str:
    """Ids with commas between them. Whether they are known is found out when they are used, which imports them."""
    if not all(part.isidentifier() for part in ids_of(_name(name, value).replace("-", "_"))):
        raise InvalidInputError(f"{value!r} is not a list of ids", where=name, hint="For instance: equalize, gptq")
    return str(value)


def ids_of(text: str) -> tuple[str, ...]:
    """The ids in a text with commas between them, each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _formats(name: str, value: Any) -> str:
    """A text as :func:`formats_of` reads it."""
    formats_of(_name(name, value, MOST_FORMATS))
    return str(value)


def formats_of(text: str) -> dict[str, str]:
    """Formats of single weights: pattern -> format, from ``"fc1.weight=int4, conv*=int6"``.

    A comma or a per cent sign in a name is written as ``%2C`` or ``%25``.

    Raises:
        InvalidInputError: a part is no ``name=format``, or the format is not one for weights.
    """
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        pattern, equals, number_format = part.rpartition("=")
        if not equals or not pattern:
            raise InvalidInputError(f"{part!r} is no name=format", where="formats", hint="For instance fc1.weight=int4")
        found[unquote(pattern.strip())] = _choice(*ONNX_FORMATS)("formats", number_format.strip())
    return found


def formats_text(formats: Mapping[str, str]) -> str:
    """What :func:`formats_of` reads as these formats."""
    return ", ".join(f"{k.replace('%', '%25').replace(',', '%2C')}={v}" for k, v in formats.items())


def _parameters(name: str, value: Any) -> str:
    """A text as :func:`parameters_of` reads it."""
    parameters_of(_name(name, value))
    return str(value)


def parameters_of(text: str) -> dict[str, dict[str, float]]:
    """Parameters of algorithms: id -> name -> number, from ``"gptq.damping=0.02, hqq.p=0.5"``.

    Whether there are such algorithms and parameters is found out when they are used, which imports them.

    Raises:
        InvalidInputError: a part is no ``algorithm.parameter=number``.
    """
    found: dict[str, dict[str, float]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        path, _, number = (piece.strip() for piece in part.partition("="))
        algorithm, _, parameter = path.partition(".")
        try:
            value = int(number) if number.lstrip("-").isdecimal() else float(number)
        except ValueError:
            value = math.nan
        if not (algorithm.isidentifier() and parameter.isidentifier() and math.isfinite(value)):
            hint = "For instance gptq.damping=0.02"
            raise InvalidInputError(f"{part!r} is no algorithm.parameter=number", where="parameters", hint=hint)
        found.setdefault(algorithm, {})[parameter] = value
    return found


def parameters_text(parameters: Mapping[str, Mapping[str, float]]) -> str:
    """What :func:`parameters_of` reads as these parameters."""
    return ", ".join(f"{call}.{name}={value!r}" for call, held in parameters.items() for name, value in held.items())


_FLOAT32_MAX = 3.4e38
_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "view": _choice(*VIEWS),
    "model": _name,
    "tensor": _name,
    "format": _registered("formats"),
    "granularity": _choice(*SCHEME_GRANULARITIES),
    "axis": _integer(-16, 15),
    "block_size": _integer(1, 65536),
    "symmetric": _boolean,
    "narrow_range": _boolean,
    "convention": _registered("conventions"),
    "calibrator": _registered("calibrators"),
    "percentile": _number(50, 100),
    "lo": _optional(_number(-_FLOAT32_MAX, _FLOAT32_MAX)),
    "hi": _optional(_number(-_FLOAT32_MAX, _FLOAT32_MAX)),
    "zero_point": _optional(_integer(-(2**15), 2**16)),
    "zoom": _boolean,
    "weights": _registered("formats"),
    "weights_granularity": _choice(*GRANULARITIES),
    "activations": _choice(*ACTIVATIONS),
    "exclude": _name,
    "formats": _formats,
    "runtime": _ids,
    "algorithms": _ids,
    "parameters": _parameters,
    "partial": _boolean,
}


def _check(name: str, value: Any) -> Any:
    if name not in _CHECKS:
        raise InvalidInputError(f"there is no setting {name!r}", where="settings", hint=f"Known: {', '.join(_CHECKS)}")
    return _CHECKS[name](name, value)


def from_query(query: str) -> tuple[Settings, tuple[str, ...]]:
    """Settings from a query string. What cannot be used keeps its default and is named in the second result.

    Args:
        query: with or without the leading question mark. Keys that are not settings (``theme``) are left alone.

    Returns:
        The settings, and one sentence for each property that was refused.
    """
    settings, problems = Settings(), []
    pairs = parse_qsl(query.lstrip("?"), keep_blank_values=True)
    version = dict(pairs).get("v", str(VERSION))
    if version != str(VERSION):
        return settings, (f"v: this link is of version {version!r} and this page reads version {VERSION}.",)
    for name, text in pairs:
        if name not in _CHECKS:
            continue
        try:
            settings = settings.with_(**{name: text})
        except InvalidInputError as error:
            problems.append(str(error))
    return settings, tuple(problems)
