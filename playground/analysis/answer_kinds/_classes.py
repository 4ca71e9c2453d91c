"""What classes have in common, whatever has one: samples, pixels, steps of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from playground.analysis.answer_kinds._kind import Array, Outputs

CHUNK = 1 << 20
"""Values that are looked at at once: a vocabulary times a text takes much memory in float64."""

DISTANCE = "KL divergence, nats"
HARMLESS = 0.02
"""Nats: so much cross-entropy moves hardly an answer."""

_LEAST = float(np.finfo(np.float32).tiny)


class ClassSums:
    """Equal top classes, and the mean Kullback-Leibler divergence from the float model's probabilities.

    Attributes:
        count: rows seen.
        same: rows with the same top class.
        seen: for each class, on how many rows it is the float model's top class.
    """

    def __init__(self, form: str) -> None:
        """``form``: what the scores are: ``"logits"``, ``"probabilities"`` or ``"logarithms"``."""
        self._form = form
        self.count = self.same = 0
        self.seen: NDArray[np.int64] = np.zeros(0, np.int64)
        self._divergence = self._lead = self._noise = 0.0
        self._scores = 0

    def update(self, reference: Array, rows: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Add rows of scores, (rows, classes) each; their top classes."""
        tops: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
        for p, q in _chunks(reference, rows):
            first, second = p.argmax(axis=1), q.argmax(axis=1)
            tops.append((first, second))
            self.same += int(np.count_nonzero(first == second))
            self._divergence += float(divergences(p, q, self._form).sum())
            pair = np.partition(p, -2, axis=1)[:, -2:]
            self._lead += float((pair[:, 1] - pair[:, 0]).sum())
            self._noise += float(np.square(q - p).sum())
        self.count += len(rows)
        self._scores += rows.size
        wanted, found = (np.concatenate(part) for part in zip(*tops, strict=True))
        counts = np.bincount(wanted, minlength=rows.shape[1])
        self.seen = counts if not self.seen.size else self.seen + counts
        return wanted, found

    @property
    def divergence(self) -> float:
        """Mean divergence of a row, nats."""
        return self._divergence / max(1, self.count)

    @property
    def lead(self) -> tuple[float, float]:
        """Mean distance of the float model's two highest scores, and the root mean square error of a score."""
        return self._lead / max(1, self.count), float(np.sqrt(self._noise / max(1, self._scores)))

    def one_class(self, noun: str) -> str:
        """Why equal classes say nothing; empty if the float model has more than one."""
        if np.count_nonzero(self.seen) > 1 or not self.count:
            return ""
        return f"the float model gives class {int(self.seen.argmax())} for every one of {self.count} {noun}"


def divergences(reference: Array, rows: Array, form: str) -> NDArray[np.float64]:
    """The Kullback-Leibler divergence of each row from the float model's, nats; never below zero."""
    p, q = (_log_probabilities(x, form) for x in (reference, rows))
    total: NDArray[np.float64] = (np.exp(p) * (p - q)).sum(axis=1)
    return np.maximum(total, 0.0)


def _log_probabilities(rows: Array, form: str) -> NDArray[np.float64]:
    x = rows.astype(np.float64)
    if form == "probabilities":
        x = np.log(np.maximum(x, _LEAST))
    x = x - x.max(axis=1, keepdims=True)
    found: NDArray[np.float64] = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    return found


def _chunks(*arrays: Array) -> Iterator[tuple[NDArray[np.float64], ...]]:
    step = max(1, CHUNK // max(1, arrays[0].shape[1]))
    for start in range(0, len(arrays[0]), step):
        yield tuple(x[start : start + step].astype(np.float64) for x in arrays)


class IdSums:
    """Equal numbers of classes, where the model tells these alone.

    Attributes:
        count: numbers seen.
        same: those that are equal.
    """

    def __init__(self) -> None:
        """Nothing has been seen."""
        self.count = self.same = 0
        self._seen: set[int] = set()

    def update(self, reference: Array, found: Array) -> None:
        """Add numbers, two arrays of one shape."""
        self.count += reference.size
        self.same += int(np.count_nonzero(reference == found))
        self._seen.update(np.unique(reference)[:2].tolist())

    def one_class(self, noun: str) -> str:
        """Why equal classes say nothing; empty if the float model has more than one."""
        if len(self._seen) != 1:
            return ""
        return f"the float model gives class {next(iter(self._seen))} for every one of {self.count} {noun}"


Rows = Callable[[Outputs], Array]
"""Outputs -> scores, (rows, classes)."""


def two_classes(p: Array) -> Array:
    """The probabilities of no and yes, (n, 2), from those of yes in any shape."""
    yes = p.reshape(-1, 1)
    return np.concatenate([1 - yes, yes], axis=1)
