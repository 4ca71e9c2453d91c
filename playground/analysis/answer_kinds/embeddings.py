"""Embeddings: a vector of features for each sample, whose direction counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.analysis.answer_kinds._evidence import (
    CLASS_NAMES,
    FEATURE_NAMES,
    STEP,
    Evidence,
    looks_like_features,
    named_like,
)
from playground.analysis.answer_kinds._kind import (
    FEW,
    NUMBER,
    SHARE,
    AnswerKind,
    Array,
    Measure,
    Outcome,
    Outputs,
    Reading,
)

MOST = 512
"""Samples among which neighbours are looked for: all pairs of them are compared."""

ALIKE = 1e-6
"""Directions whose cosine is this near to one are the same: their order is chance."""


class _Embeddings:
    """Cosine of each vector with the float model's, and the order of neighbours."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count, self._cosine = 0, 0.0
        self._kept: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []

    def update(self, reference: Outputs, outputs: Outputs, samples: int) -> None:
        """Add a batch."""
        a, b = (_directions(x[self._name]) for x in (reference, outputs))
        self._cosine += float((a * b).sum())
        room = MOST - self._count
        if room > 0:
            self._kept.append((a[:room], b[:room]))
        self._count += len(a)

    def outcome(self) -> Outcome:
        """Mean cosine, share of equal nearest neighbours, mean rank correlation of the neighbours' order."""
        cosine = self._cosine / max(1, self._count)
        measures = [Measure("Cosine", cosine, NUMBER, "mean, with float's vector of the same sample")]
        silent = ""
        if self._count >= FEW:
            a, b = (np.concatenate(part) for part in zip(*self._kept, strict=True))
            near, far = a @ a.T, b @ b.T
            alike = near.min() > 1 - ALIKE
            silent = "the float model gives the same embedding for every sample" if alike else ""
            same, order = neighbours(near, far)
            measures += [
                Measure("Same nearest neighbour", same, SHARE, f"as float, among {len(a)} samples"),
                Measure("Order of neighbours", order, NUMBER, "rank correlation with float's, 1 is the same order"),
            ]
        return Outcome(self._count, "samples", tuple(measures), max(0.0, 1 - cosine), None, silent)


def neighbours(near: NDArray[np.float64], far: NDArray[np.float64]) -> tuple[float, float]:
    """How alike two tables of similarities order the samples around each sample.

    Args:
        near: similarity of each pair of samples, (n, n).
        far: another one.

    Returns:
        The share of samples whose nearest other sample is the same, and the mean of Spearman's rank correlation of the
        similarities to all others.
    """
    n = len(near)
    others = ~np.eye(n, dtype=bool)
    a, b = near[others].reshape(n, n - 1), far[others].reshape(n, n - 1)
    same = float((a.argmax(axis=1) == b.argmax(axis=1)).mean())
    p, q = (np.argsort(np.argsort(x, axis=1), axis=1) - (n - 2) / 2 for x in (a, b))
    return same, float(((p * q).sum(axis=1) / np.square(p).sum(axis=1)).mean())


def _directions(x: Array) -> NDArray[np.float64]:
    rows = x.reshape(len(x), -1).astype(np.float64)
    length = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    found: NDArray[np.float64] = rows / np.where(length > 0, length, 1)
    return found


def read(evidence: Evidence, chosen: bool) -> Reading | None:
    """The first output of shape (samples, features) that rather holds features than classes."""
    for place, (name, x) in enumerate(evidence.floats().items()):
        sizes = [size for size in x.shape[1:] if size != 1]
        if x.ndim < 2 or x.shape[0] != evidence.samples or (len(sizes) != 1 and not chosen):
            continue
        why = "as chosen" if chosen else _why(evidence, name, x, sizes[0])
        if why and (place == 0 or chosen or named_like(name, FEATURE_NAMES)):
            return _reading(name, f"output {name!r} is a vector of {x.size // len(x)} values for each sample, {why}")
    return None


def _reading(name: str, why: str) -> Reading:
    return Reading("embeddings", "embeddings", why, (name,), "1 − cosine", lambda: _Embeddings(name))


def _why(evidence: Evidence, name: str, x: Array, size: int) -> str:
    """What says that these are no classes; empty if nothing does."""
    if evidence.labelled or evidence.is_softmax(name) or evidence.is_sigmoid(name) or named_like(name, CLASS_NAMES):
        return ""
    if named_like(name, FEATURE_NAMES):
        return "and its name says so"
    rows = x.reshape(len(x), -1).astype(np.float64)
    if size >= STEP and np.allclose(np.square(rows).sum(axis=1), 1, atol=1e-2):
        return "each of length one"
    return (
        f"a multiple of {STEP}, as hidden layers have and classes have not" if looks_like_features(name, size) else ""
    )


KIND = AnswerKind("embeddings", "embeddings", 45, "an output with the samples along its first axis", read)
