"""The float model's answers beside the quantized model's, over a set of samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.analysis.accuracy import Score, score


@dataclass(frozen=True, slots=True)
class Compared:
    """Scores of both, and where they part.

    Attributes:
        count: answers, one a sample or one a position.
        original: of the float model; None without labels.
        quantized: of the quantized model; None without labels.
        agreement: share of answers with the same top class; None where outputs are no classes.
        flipped: how many answers have another top class; None likewise.
        engine: which engine ran the quantized model.
        sqnr_db: of the quantized model's output, dB; None if it was not measured.
    """

    count: int
    original: Score | None
    quantized: Score | None
    agreement: float | None
    flipped: int | None
    engine: str
    sqnr_db: float | None = None


def agreement(
    float_logits: NDArray[Any], quantized_logits: NDArray[Any], labels: NDArray[np.integer[Any]], engine: str
) -> Compared:
    """Compare two sets of outputs, (samples, classes) or (samples, positions, classes), against the labels."""
    flipped = int(np.count_nonzero(float_logits.argmax(axis=-1) != quantized_logits.argmax(axis=-1)))
    return Compared(
        count=labels.size,
        original=score(float_logits, labels),
        quantized=score(quantized_logits, labels),
        agreement=1 - flipped / labels.size,
        flipped=flipped,
        engine=engine,
    )


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities along the last axis."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    total: NDArray[np.float64] = shifted / shifted.sum(axis=-1, keepdims=True)
    return total


def largest_difference(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The largest absolute difference of two outputs of any real type or bool; 0 where there are no values."""
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max(initial=0))
