"""Attributes of operators as data: their kind, their default, and which values they may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from playground.errors import InvalidInputError
from playground.model.graph import Graph, Node

Kind = Literal["int", "ints", "float", "floats", "string", "strings", "tensor", "graph"]

MOST = 2**31 - 1
"""The largest size, step or padding: kernels take 32-bit words."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an operator.

    Attributes:
        name: as files have it.
        kind: of its value.
        default: what it is where a node does not state it; None: absence has a meaning of its own.
        required: whether it has to be stated.
        low: the smallest number it may be or hold.
        high: the largest one.
        choices: the texts or numbers it may be; empty: any.
        since: the operator set since which it exists.
        later: values that it may have only since a later operator set, and since which.
    """

    name: str
    kind: Kind
    default: Any = None
    required: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str | int, ...] = ()
    since: int = 1
    later: Mapping[str | int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Whole numbers have limits in any case."""
        if self.kind in ("int", "ints"):
            object.__setattr__(self, "low", -MOST - 1 if self.low is None else self.low)
            object.__setattr__(self, "high", MOST if self.high is None else self.high)

    def check(self, value: Any, node: Node) -> None:
        """Raise InvalidInputError if a node's value is none that the attribute may have."""
        if type(value) is list and not self.choices and self.kind == "ints" and set(map(type, value)) == {int}:
            # Most attributes are such lists, and nodes are checked whenever they run
            numbers: Sequence[Any] = (min(value), max(value))
        elif not _is(value, self.kind):
            raise self._error(node, value, f"Its kind is {self.kind}")
        elif self.kind == "string":
            numbers = (text(value),) if self.choices else ()
        else:
            numbers = value if self.kind in ("ints", "floats") else (value,) if self.kind in ("int", "float") else ()
        for number in numbers:
            if self.choices and number not in self.choices:
                raise self._error(node, value, f"Use {' or '.join(repr(choice) for choice in self.choices)}")
            if self.low is not None and not number >= self.low:
                raise self._error(node, value, f"Use {self.low:g} or more")
            if self.high is not None and not number <= self.high:
                raise self._error(node, value, f"Use {self.high:g} or less")

    def needs(self, value: Any) -> int:
        """The operator set since which it may have this value."""
        of = text(value) if isinstance(value, bytes) else value
        return self.later.get(of, self.since) if isinstance(of, (str, int)) else self.since

    def refuse_absence(self, node: Node) -> None:
        """Raise InvalidInputError because a required attribute is missing."""
        raise InvalidInputError(
            f"{node.op} has no attribute {self.name!r}", where=where_of(node), hint=f"Add it; the kind is {self.kind}"
        )

    def _error(self, node: Node, value: Any, hint: str) -> InvalidInputError:
        shown = value.decode(errors="replace") if isinstance(value, bytes) else value
        return InvalidInputError(
            f"{shown!r:.80} is not a valid {self.name} of {node.op}", where=where_of(node), hint=hint
        )


def text(value: str | bytes) -> str:
    """A text attribute, which some files hold as bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def text_of(node: Node, name: str, default: str) -> str:
    """A text attribute of a node."""
    return text(node.attributes.get(name, default))


def _is(value: Any, kind: Kind) -> bool:
    if kind in ("int", "float"):
        return _is_number(value, kind)
    if kind in ("ints", "floats"):
        one = "int" if kind == "ints" else "float"
        listed = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes))
        return listed and all(_is_number(number, one) for number in value)
    if kind == "string":
        return isinstance(value, (str, bytes))
    if kind == "strings":
        return isinstance(value, list) and all(isinstance(entry, (str, bytes)) for entry in value)
    return isinstance(value, np.ndarray if kind == "tensor" else Graph)


def _is_number(value: Any, kind: str) -> bool:
    return isinstance(value, (int, np.integer) if kind == "int" else (int, float, np.integer, np.floating))


def where_of(node: Node) -> str:
    """How errors name a node."""
    return f"node {node.name or next(iter(node.outputs), '')!r}"


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the first one of ``rank``; a negative one counts from the end.

    Raises:
        InvalidInputError: there is no such axis.
    """
    if not -rank <= axis < rank:
        raise InvalidInputError(
            f"{axis} is not a valid axis of a value of {rank} axes", hint=f"Use an axis from {-rank} to {rank - 1}"
        )
    return int(axis) % rank


def axes_among(axes: Iterable[int], rank: int) -> list[int]:
    """The same for several axes, each of which may be named once."""
    found = [axis_of(int(axis), rank) for axis in axes]
    if len(set(found)) != len(found):
        raise InvalidInputError(f"an axis occurs twice in {found}", hint="Name each axis once")
    return found


def single(value: Any, what: str) -> int | float:
    """The one number that an input holds.

    Raises:
        InvalidInputError: it holds none, or several.
    """
    if value.size != 1:
        raise InvalidInputError(f"{value.size} numbers are not a valid {what}", hint="Give one number")
    return value.item()  # type: ignore[no-any-return]


# Shared by many operators

AXIS = Attribute("axis", "int")


def flag(name: str, default: bool = False, since: int = 1) -> Attribute:
    """A number that is 0 or 1."""
    return Attribute(name, "int", int(default), choices=(0, 1), since=since)


WINDOW = (
    Attribute("auto_pad", "string", "NOTSET", choices=("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", "")),
    Attribute("dilations", "ints", low=1, high=MOST),
    Attribute("kernel_shape", "ints", low=1, high=MOST),
    Attribute("pads", "ints", low=0, high=MOST),
    Attribute("strides", "ints", low=1, high=MOST),
)
"""How a window moves over images."""
