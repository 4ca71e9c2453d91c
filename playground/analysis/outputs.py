"""Errors of a model's outputs, summed batch by batch: against labels if there are any, and against the float model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import operators
from playground.analysis.accuracy import score
from playground.errors import InvalidInputError
from playground.metrics import ErrorSums
from playground.model.graph_view import GraphView
from playground.operators import find

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """A model measured on samples.

    Attributes:
        samples: how many answers it gave: samples, or positions where each has several.
        sqnr_db: of the first output against the float model's, dB; infinite where they are equal.
        relative_error: squared error over squared signal of that output; what ``sqnr_db`` is the logarithm of.
        agreement: share of the answers with the float model's top class; None where the output has no classes.
        accuracy: share of right answers; None without labels.
        cross_entropy: mean, in nats; None without labels.
    """

    samples: int
    sqnr_db: float
    relative_error: float
    agreement: float | None
    accuracy: float | None
    cross_entropy: float | None

    @property
    def loss(self) -> float:
        """What is to be small: the cross-entropy where there are labels, else the relative error of the output."""
        return self.relative_error if self.cross_entropy is None else self.cross_entropy

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


class OutputTally:
    """Sums over batches from which :class:`Measured` follows."""

    def __init__(self, probabilities: bool, about: str = "") -> None:
        """Start without a batch.

        Args:
            probabilities: whether the output is that of a Softmax, and not logits.
            about: what is measured, for errors.
        """
        self._probabilities, self._about = probabilities, about
        self._errors = ErrorSums()
        self._agreeing, self._right, self._entropy, self._count, self._labelled = 0.0, 0.0, 0.0, 0, 0
        self._classes = True

    def update(self, reference: Array, output: Array, labels: Array | None) -> None:
        """Add a batch.

        Args:
            reference: the float model's output, classes along the last axis.
            output: the output to measure, of the same shape.
            labels: the right classes, one for each row of the output; None where they are not known.

        Raises:
            InvalidInputError: an output is not finite, or the labels do not fit.
        """
        try:
            self._errors.update(reference, output)
        except InvalidInputError as error:
            hint = "Use finite samples and weights"
            raise InvalidInputError(error.what, where=self._about or error.where, hint=hint) from error
        if output.ndim < 2 or output.shape[-1] < 2:
            self._classes = False
            return
        rows, wanted = (x.reshape(-1, x.shape[-1]) for x in (output, reference))
        self._count += len(rows)
        self._agreeing += float((rows.argmax(axis=1) == wanted.argmax(axis=1)).sum())
        if labels is not None:
            found = score(as_logits(rows, self._probabilities), labels.reshape(-1))
            self._labelled += len(rows)
            self._right += found.accuracy * len(rows)
            self._entropy += found.cross_entropy * len(rows)

    def measured(self) -> Measured:
        """The result. Raises InvalidInputError if there was no batch."""
        measures = self._errors.measures()
        labelled = self._classes and self._labelled > 0
        return Measured(
            samples=self._count or self._errors.count,
            sqnr_db=measures["sqnr_db"],
            relative_error=float(10 ** (-measures["sqnr_db"] / 10)),
            agreement=self._agreeing / self._count if self._classes and self._count else None,
            accuracy=self._right / self._labelled if labelled else None,
            cross_entropy=self._entropy / self._labelled if labelled else None,
        )


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
