"""What an answer kind is made of: how it is recognised, how outputs are read, and what is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from playground.analysis.answer_kinds._evidence import Evidence

Array = NDArray[Any]
Outputs = Mapping[str, Array]
"""Output name -> array; one batch."""

FEW = 10
"""With fewer samples, a share of equal answers says nothing: one sample moves it by more than ten points."""

SHARE, DECIBELS, NUMBER = "share", "dB", ""
"""Units of measures: 0 to 1 and shown in per cent; decibels; a number without unit."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number about the answers.

    Attributes:
        name: what it is, as a card's heading.
        value: it.
        unit: :data:`SHARE`, :data:`DECIBELS` or :data:`NUMBER`.
        about: what was counted, in a few words.
    """

    name: str
    value: float
    unit: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tally found.

    Attributes:
        count: how many answers were compared.
        noun: what one answer is about, in the plural: ``"samples"``, ``"pixels"``.
        measures: the telling one first.
        distance: the continuous form, from which layers are ranked: 0 where all outputs are equal, larger is worse.
        agreement: share of equal answers; None where answers are not equal or different but near or far.
        silent: why the measures carry no information, empty if they do.
        lead: of classes: the mean distance between the two highest scores of the float model, and the root mean square
            error of all scores.
    """

    count: int
    noun: str
    measures: tuple[Measure, ...]
    distance: float
    agreement: float | None = None
    silent: str = ""
    lead: tuple[float, float] | None = None


class Tally(Protocol):
    """Sums over batches from which an :class:`Outcome` follows."""

    def update(self, reference: Outputs, outputs: Outputs, samples: int) -> None:
        """Add a batch: what the float model and the other one make of it, and how many samples it has."""
        ...

    def outcome(self) -> Outcome:
        """What all batches say together."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """How the outputs of one model are read.

    Attributes:
        kind: the id of the answer kind.
        title: what the answers are, in a few words.
        why: what in the model says so, in a few words.
        outputs: the outputs that are read.
        distance: what the continuous form is called, with its unit.
        tally: makes an empty tally.
        probabilities: whether the first of these outputs holds probabilities, and not logits.
        harmless: a distance below this is none.
    """

    kind: str
    title: str
    why: str
    outputs: tuple[str, ...]
    distance: str
    tally: Callable[[], Tally]
    probabilities: bool = False
    harmless: float = 1e-3


Read = Callable[[Evidence, bool], Reading | None]
"""``read(evidence, chosen)``: how the outputs are read as this kind, None if they are not of it. ``chosen``: a person
says that they are, so only what makes it impossible counts."""


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """A kind of answer that models give.

    Attributes:
        id: its stable name, as on the command line.
        title: what it is called.
        rank: kinds are tried in ascending order.
        needs: what outputs of this kind look like, for the error if they do not.
        read: recognises and reads it.
    """

    id: str
    title: str
    rank: int
    needs: str
    read: Read
