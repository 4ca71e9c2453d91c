"""What a calibrator is: a value that starts a state, which takes batches and then gives a clip range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from numpy.typing import ArrayLike

from playground.calls import public_part
from playground.errors import InvalidInputError
from playground.quantization import Range


class State(Protocol):
    """What a calibrator remembers while batches of one tensor pass by."""

    def update(self, batch: ArrayLike) -> None:
        """Take one more batch into account: at least one value, all finite, of the same rank as those before.

        Raises:
            InvalidInputError: the batch is empty, not finite, or has another rank or number of channels.
        """
        ...

    def range(self) -> Range:
        """The range for all batches so far, one entry per scale.

        Raises:
            InvalidInputError: there was no batch yet.
        """
        ...


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number a calibrator can be given: its default, what it may be, and one line about it."""

    name: str
    default: float
    minimum: float
    maximum: float
    integer: bool
    summary: str

    def require(self, value: object) -> None:
        """Refuse a value that it may not have (InvalidInputError)."""
        number = isinstance(value, int) or (isinstance(value, float) and not self.integer)
        if isinstance(value, bool) or not number or not self.minimum <= float(str(value)) <= self.maximum:
            kind, form = ("an integer", ".0f") if self.integer else ("a number", "g")
            raise InvalidInputError(
                f"{value!r} is out of bounds",
                where=self.name,
                hint=f"Use {kind} from {self.minimum:{form}} to {self.maximum:{form}}",
            )


@public_part(
    {
        **dict.fromkeys(("name", "key"), "calibrator.id, or calibrator.title"),
        **dict.fromkeys(("description", "doc"), "calibrator.summary"),
        **dict.fromkeys(("calibrate", "range", "find", "collect"), "quantize(x, 'int8', calibrator='mse')"),
    },
    {"__call__": "Use quantize(x, 'int8', calibrator='mse')"},
)
@dataclass(frozen=True, slots=True)
class Calibrator:
    """A way to find a clip range.

    Attributes:
        id: stable name, as in ``Scheme.calibrator``.
        title: the name people know it by.
        summary: one line: what it does.
        source: where the rule comes from.
        start: makes a fresh state from a scheme and parameters by name; ``calibration.start`` checks them first.
        parameters: what it can be given.
        within_extremes: whether ranges stay between the smallest and the largest value.
        splits_alike: whether the same values give the same range however they are split into batches and ordered.
    """

    id: str
    title: str
    summary: str
    source: str
    start: Callable[..., State]
    parameters: tuple[Parameter, ...] = ()
    within_extremes: bool = True
    splits_alike: bool = True
