"""Errors of a model's outputs, summed batch by batch: against labels if there are any, and against the float model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import operators
from playground.analysis.accuracy import score
from playground.analysis.answer_kinds import AUTO, FEW, Evidence, Measure, Reading, Tally, read_outputs
from playground.errors import InvalidInputError, plural
from playground.metrics import ErrorSums
from playground.model.graph_view import GraphView
from playground.operators import find

Array = NDArray[Any]
Outputs = Mapping[str, Array]

MADE_UP = "the inputs are made up, so equal answers say nothing about real ones"

SURE, NOISY = 0.99, 20.0
HALF, CLEAN = 0.5, 30.0
"""Nearly all answers equal at so few decibels, or fewer than half at so many: then both numbers need an explanation."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A model measured on samples.

    Attributes:
        samples: how many answers it gave: samples, or positions, pixels, boxes where each has several.
        sqnr_db: of the outputs that are read against the float model's, dB; infinite where they are equal, NaN where
            outputs of different sizes cannot be compared value by value. Of several the mean error is meant.
        relative_error: squared error over squared signal of these outputs; what ``sqnr_db`` is the logarithm of.
        agreement: share of the answers that are the float model's; None where answers are near or far rather than
            equal, or where that says nothing (``silent``).
        accuracy: share of right answers; None without labels.
        cross_entropy: mean, in nats; None without labels.
        kind: the answer kind; ``answers`` is its title and ``why`` what in the model says so.
        noun: what is counted, in the plural.
        measures: all that was measured of the answers, the telling one first.
        silent: why they carry no information; empty if they do.
        explained: how a measure goes together with ``sqnr_db`` where one looks good and the other bad; else empty.
        distance: the measure's continuous form: 0 for the float model itself, larger is worse.
        distance_name: what that is, with its unit.
        harmless: a distance below this is none.
    """

    samples: int
    sqnr_db: float
    relative_error: float
    agreement: float | None
    accuracy: float | None
    cross_entropy: float | None
    kind: str = "values"
    answers: str = "values"
    why: str = ""
    noun: str = "samples"
    measures: tuple[Measure, ...] = ()
    silent: str = ""
    explained: str = ""
    distance: float = math.nan
    distance_name: str = "relative error"
    harmless: float = 1e-3

    @property
    def loss(self) -> float:
        """What ranks, and is to be small: cross-entropy where there are labels, else the distance of the answers."""
        if self.cross_entropy is not None:
            return self.cross_entropy
        return self.relative_error if math.isnan(self.distance) else self.distance

    @property
    def loss_name(self) -> str:
        """What ``loss`` is, with its unit."""
        return self.distance_name if self.cross_entropy is None else "cross-entropy, nats"

    @property
    def headline(self) -> Measure | None:
        """The telling measure; None where it carries no information."""
        return self.measures[0] if self.measures and not self.silent else None

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


class AnswerReader:
    """How the outputs of one model are read; found out on the first batch, and the same for all that is measured."""

    def __init__(self, view: GraphView, choice: str = AUTO, *, labelled: bool = False, generated: bool = False) -> None:
        """Nothing has been read yet.

        Args:
            view: of the graph, float or quantized.
            choice: the id of an answer kind, or ``"auto"``.
            labelled: whether the right classes are known.
            generated: whether inputs are made up, so that equal answers say nothing.
        """
        self.names = tuple(value.name for value in view.graph.outputs)
        self.generated = generated
        self._view, self._choice, self._labelled = view, choice, labelled
        self._reading: Reading | None = None

    def reading(self, reference: Outputs, samples: int) -> Reading:
        """How outputs are read. Raises InvalidInputError if they cannot be read as what was chosen."""
        if self._reading is None:
            outputs = {name: reference[name] for name in self.names if name in reference}
            evidence = Evidence(self._view, outputs, samples, self._labelled)
            self._reading = read_outputs(evidence, self._choice)
        return self._reading


class OutputTally:
    """Sums over batches from which :class:`Measured` follows."""

    def __init__(self, reader: AnswerReader, about: str = "") -> None:
        """Start without a batch.

        Args:
            reader: how outputs are read, shared by all that is measured of one model.
            about: what is measured, for errors.
        """
        self._reader, self._about = reader, about
        self._reading: Reading | None = None
        self._tally: Tally | None = None
        self._errors: dict[str, ErrorSums] = {}
        self._sizes_differ = False
        self._samples = 0
        self._right, self._entropy, self._labelled = 0.0, 0.0, 0

    def update(self, reference: Outputs, outputs: Outputs, labels: Array | None = None, samples: int = 0) -> None:
        """Add a batch.

        Args:
            reference: the float model's outputs by name.
            outputs: those to measure.
            labels: the right classes, one for each row of the first output; None where they are not known.
            samples: how many samples the batch has; 0: as many as the first axis of the first output.

        Raises:
            InvalidInputError: an output is not finite, or the labels do not fit.
        """
        samples = samples or _first_axis(reference[self._reader.names[0]])
        if self._reading is None or self._tally is None:
            self._reading = self._reader.reading(reference, samples)
            self._tally = self._reading.tally()
        self._samples += samples
        self._add_errors(self._reading, reference, outputs)
        self._tally.update(reference, outputs, samples)
        if labels is not None:
            self._score(outputs[self._reading.outputs[0]], labels, probabilities=self._reading.probabilities)

    def _add_errors(self, reading: Reading, reference: Outputs, outputs: Outputs) -> None:
        for name in reading.outputs:
            wanted, found = reference[name], outputs[name]
            if wanted.shape != found.shape:
                self._sizes_differ = True
            elif wanted.size:
                try:
                    self._errors.setdefault(name, ErrorSums()).update(wanted, found)
                except InvalidInputError as error:
                    hint = "Use finite samples and weights"
                    raise InvalidInputError(error.what, where=self._about or error.where, hint=hint) from error

    def _score(self, output: Array, labels: Array, *, probabilities: bool) -> None:
        rows = as_logits(output, probabilities)
        if labels.ndim == 1 and rows.ndim > 2 and rows.size == len(rows) * max(rows.shape[1:]):
            rows = rows.reshape(len(rows), -1)  # images of one pixel
        found = score(rows, labels)
        self._labelled += labels.size
        self._right += found.accuracy * labels.size
        self._entropy += found.cross_entropy * labels.size

    def measured(self) -> Measured:
        """The result. Raises InvalidInputError if there was no batch."""
        if self._reading is None or self._tally is None:
            raise InvalidInputError("there are no outputs to compare", where="outputs", hint="Give at least one sample")
        outcome, reading = self._tally.outcome(), self._reading
        error = self._relative_error()
        sqnr_db = math.inf if error == 0 else -10 * math.log10(error) if error > 0 else math.nan
        silent = self._silent(outcome.silent)
        agreement = None if silent else outcome.agreement
        accuracy = self._right / self._labelled if self._labelled else None
        return Measured(
            samples=outcome.count,
            sqnr_db=sqnr_db,
            relative_error=error,
            agreement=agreement,
            accuracy=accuracy,
            cross_entropy=self._entropy / self._labelled if self._labelled else None,
            kind=reading.kind,
            answers=reading.title,
            why=reading.why,
            noun=outcome.noun,
            measures=outcome.measures,
            silent=silent,
            explained=_explained(agreement, sqnr_db, outcome.lead),
            distance=outcome.distance,
            distance_name=reading.distance,
            harmless=reading.harmless,
        )

    def _relative_error(self) -> float:
        """The mean over the outputs that are read; NaN where they cannot be compared."""
        if self._sizes_differ or not self._errors:
            return math.nan
        found = [sums.measures()["sqnr_db"] for sums in self._errors.values()]
        return float(np.mean([10 ** (-db / 10) for db in found]))

    def _silent(self, why: str) -> str:
        """Why the answers carry no information, the weightiest reason; values are what they are."""
        if self._reading is None or self._reading.kind == "values":
            return ""
        if self._reader.generated:
            return MADE_UP
        few = (
            f"{plural(self._samples, 'sample')} {'is' if self._samples == 1 else 'are'} too few to count equal answers"
        )
        return why or (few if self._samples < FEW else "")


def _first_axis(x: Array) -> int:
    return len(x) if x.ndim else 1


def _explained(agreement: float | None, sqnr_db: float, lead: tuple[float, float] | None) -> str:
    """How equal answers go together with much noise, or other answers with little."""
    if agreement is None or lead is None or not math.isfinite(sqnr_db):
        return ""
    leads, error = (f"{value:.3g}" for value in lead)
    if agreement >= SURE and sqnr_db < NOISY:
        return (
            f"The answers stay the same at {sqnr_db:.1f} dB: the top score leads by {leads} on average, and the error "
            f"of a score is {error}."
        )
    if agreement < HALF and sqnr_db > CLEAN:
        return (
            f"The answers change at {sqnr_db:.1f} dB: the top score leads by only {leads} on average, and the error of "
            f"a score is {error}."
        )
    return ""


def as_logits(output: Array, probabilities: bool) -> Array:
    """An output before softmax; of probabilities their logarithm, whose cross-entropy is theirs."""
    return np.log(np.maximum(output, np.finfo(np.float32).tiny)) if probabilities else output


def gives_probabilities(view: GraphView) -> bool:
    """Whether the first output is that of a Softmax, quantized or not."""
    node = view.producer(view.graph.outputs[0].name)
    while node is not None and find(node) in (
        *operators.quantize_linear.OPERATORS,
        *operators.dequantize_linear.OPERATORS,
    ):
        node = view.producer(node.inputs[0])
    return node is not None and find(node) is operators.softmax.OPERATOR
