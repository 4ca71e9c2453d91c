"""Settings that are lists in one text: ids, formats of single weights, parameters of algorithms, sizes of inputs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote

from playground.errors import InvalidInputError, one_of, shown
from playground.number_formats import FORMATS

NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
"""What a number in a link looks like, as a regular expression that Python and JavaScript read alike."""

_NUMBER = re.compile(NUMBER)
MOST_DIGITS = 400
"""Characters of a number: parsing takes a time that grows with their square."""

_LARGEST_INTEGER = 2**53
_LARGEST_SIZE = 1_000_000
"""Of an axis of an input: a link cannot ask for more."""


def number_of(text: str) -> float:
    """The number in a text; NaN if there is none, or none that is finite."""
    if len(text) > MOST_DIGITS or not _NUMBER.fullmatch(text):
        return math.nan
    value = float(text)
    return value if math.isfinite(value) else math.nan


def ids_of(text: str) -> tuple[str, ...]:
    """The ids in a text with commas between them, each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def formats_of(text: str) -> dict[str, str]:
    """Formats of single weights: pattern -> format, from ``"fc1.weight=int4, conv*=int6"``.

    A comma or a per cent sign in a name is written as ``%2C`` or ``%25``.

    Raises:
        InvalidInputError: a part is not ``name=format``, or the format is not one for weights.
    """
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        pattern, equals, number_format = (piece.strip() for piece in part.rpartition("="))
        if not equals or not pattern:
            raise InvalidInputError(
                f"{shown(part)} is not name=format", where="formats", hint="Write fc1.weight=int4, for instance"
            )
        if number_format not in FORMATS:
            raise InvalidInputError(
                f"{shown(number_format)} is not a format of weights",
                where="formats",
                hint=one_of(number_format, FORMATS),
            )
        found[unquote(pattern)] = number_format
    return found


def formats_text(formats: Mapping[str, str]) -> str:
    """What :func:`formats_of` reads as these formats."""
    return ", ".join(f"{k.replace('%', '%25').replace(',', '%2C')}={v}" for k, v in formats.items())


def parameters_of(text: str) -> dict[str, dict[str, float]]:
    """Parameters of algorithms: id -> name -> number, from ``"gptq.damping=0.02, hqq.p=0.5"``.

    Whether there are such algorithms and parameters is found out when they are used, which imports them.

    Raises:
        InvalidInputError: a part is not ``algorithm.parameter=number``, or its number is not finite.
    """
    found: dict[str, dict[str, float]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        path, _, number = (piece.strip() for piece in part.partition("="))
        algorithm, _, parameter = path.partition(".")
        value = number_of(number)
        if not (algorithm.isidentifier() and parameter.isidentifier() and math.isfinite(value)):
            hint = "Write gptq.damping=0.02, for instance"
            raise InvalidInputError(f"{shown(part)} is not algorithm.parameter=number", where="parameters", hint=hint)
        whole = number.lstrip("+-").isdecimal() and abs(value) <= _LARGEST_INTEGER
        found.setdefault(algorithm, {})[parameter] = int(number) if whole else value
    return found


def parameters_text(parameters: Mapping[str, Mapping[str, float]]) -> str:
    """What :func:`parameters_of` reads as these parameters."""
    return ", ".join(f"{call}.{name}={value!r}" for call, held in parameters.items() for name, value in held.items())


def sizes_of(text: str) -> tuple[tuple[int, ...], ...]:
    """Sizes of the inputs that leave some open, in the model's order, from ``"1x3x224x224, 1x77"``.

    They are without names: a link holds nothing that is in the visitor's file.

    Raises:
        InvalidInputError: a part is not whole numbers from 1 to 1 000 000 with ``x`` between them.
    """
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        numbers = [number.strip() for number in re.split("[x×]", part)]
        fits = all(number.isascii() and number.isdecimal() and len(number) <= 7 for number in numbers)
        if not fits or not all(0 < int(number) <= _LARGEST_SIZE for number in numbers):
            hint = "Write 1x3x224x224, for instance"
            raise InvalidInputError(f"{shown(part)} are not the sizes of an input", where="sizes", hint=hint)
        found.append(tuple(map(int, numbers)))
    return tuple(found)


def sizes_text(shapes: Iterable[Sequence[int]]) -> str:
    """What :func:`sizes_of` reads as these sizes."""
    return ", ".join("x".join(map(str, sizes)) for sizes in shapes)
