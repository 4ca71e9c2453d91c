"""The float model's answers beside the quantized model's, over a set of labelled samples."""

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
        original: of the float model.
        quantized: of the quantized model.
        agreement: share of samples with the same top class.
        changed: int64, indices of the answers whose top class changed.
        engine: which engine ran the quantized model.
    """

    count: int
    original: Score
    quantized: Score
    agreement: float
    changed: NDArray[np.int64]
    engine: str


def agreement(
    float_logits: NDArray[Any], quantized_logits: NDArray[Any], labels: NDArray[np.integer[Any]], engine: str
) -> Compared:
    """Compare two sets of outputs, (samples, classes) or (samples, positions, classes), against the labels."""
    changed = np.flatnonzero(float_logits.argmax(axis=-1) != quantized_logits.argmax(axis=-1))
    return Compared(
        count=labels.size,
        original=score(float_logits, labels),
        quantized=score(quantized_logits, labels),
        agreement=1 - changed.size / labels.size,
        changed=changed.astype(np.int64),
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
