"""The float model's answers beside the quantized model's, over a set of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.analysis.answer_kinds import AUTO, Outputs
from playground.analysis.outputs import AnswerReader, Measured, OutputTally
from playground.model.graph_view import GraphView

KEPT = 64 * 2**20
"""Bytes of outputs that are kept, so that they can be read as another kind of answer without running a model again."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What both models make of a batch.

    Attributes:
        reference: the float model's outputs by name.
        outputs: the quantized model's.
        labels: the right classes, None if they are not known.
        samples: how many samples it has.
    """

    reference: Outputs
    outputs: Outputs
    labels: NDArray[Any] | None
    samples: int

    @property
    def nbytes(self) -> int:
        """Bytes of both models' outputs."""
        return sum(x.nbytes for outputs in (self.reference, self.outputs) for x in outputs.values())


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Both models measured, and where they part.

    Attributes:
        original: the float model.
        quantized: the quantized model; its agreement and errors are against the other.
        engine: which engine ran the quantized model.
        generated: whether the samples were made up.
        batches: the outputs, as far as they were kept.
        view: of the float graph.
    """

    original: Measured
    quantized: Measured
    engine: str
    generated: bool = False
    batches: tuple[Batch, ...] = ()
    view: GraphView | None = None

    @property
    def count(self) -> int:
        """Answers, one a sample or several."""
        return self.quantized.samples

    @property
    def agreement(self) -> float | None:
        """Share of equal answers; None where answers are not equal or different, or where that says nothing."""
        return self.quantized.agreement

    @property
    def flipped(self) -> int | None:
        """How many answers are others than the float model's; None likewise."""
        return None if self.agreement is None else round((1 - self.agreement) * self.count)

    def read_as(self, choice: str) -> Compared | None:
        """The same outputs read as another kind of answer; None if they were not kept.

        Raises:
            InvalidInputError: they cannot be read so.
        """
        if self.view is None or not self.batches:
            return None
        return compared(self.view, self.batches, self.engine, choice, generated=self.generated)


def compared(
    view: GraphView, batches: Sequence[Batch], engine: str, choice: str = AUTO, *, generated: bool = False
) -> Compared:
    """Compare two sets of outputs, and with labels if there are any.

    Args:
        view: of the float graph.
        batches: at least one.
        engine: what ran the quantized model.
        choice: the kind of answer (docs/answers.md), ``"auto"``: as the outputs look.
        generated: whether the samples were made up.

    Raises:
        InvalidInputError: an output is not finite, labels do not fit, or the outputs cannot be read as what was chosen.
    """
    labelled = any(batch.labels is not None for batch in batches)
    reader = AnswerReader(view, choice, labelled=labelled, generated=generated)
    original, quantized = OutputTally(reader), OutputTally(reader)
    for batch in batches:
        original.update(batch.reference, batch.reference, batch.labels, batch.samples)
        quantized.update(batch.reference, batch.outputs, batch.labels, batch.samples)
    kept = tuple(batches) if sum(batch.nbytes for batch in batches) <= KEPT else ()
    return Compared(original.measured(), quantized.measured(), engine, generated, kept, view)


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities along the last axis."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    total: NDArray[np.float64] = shifted / shifted.sum(axis=-1, keepdims=True)
    return total


def largest_difference(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The largest absolute difference of two outputs of any real type or bool; 0 where there are no values."""
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max(initial=0))
