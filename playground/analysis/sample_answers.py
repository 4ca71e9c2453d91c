"""Both models' answers sample by sample, in words, and which of them changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.analysis.agreement import Batch, Compared, softmax
from playground.errors import plural
from playground.metrics import sqnr_db

CLASSES, TOKENS = "classes", "tokens"
"""The kinds of answers that are one class a sample, or one for each position: see playground.analysis.answer_kinds."""

NEAR_DB = 10.0
"""Where answers are values, those of a sample have changed if the error is more than a tenth of their power."""

FEW = 3
"""Values of an output that are told."""


@dataclass(frozen=True, slots=True)
class SampleAnswer:
    """What both models say to one sample.

    Attributes:
        index: of the sample.
        original: the float model's answer; ``quantized``: the other's.
        same: whether the answer is the same: the class, all classes, or values within :data:`NEAR_DB`.
        label: the right class, empty if it is not known.
    """

    index: int
    original: str
    quantized: str
    same: bool
    label: str = ""


def sample_answers(compared: Compared) -> tuple[SampleAnswer, ...]:
    """The answers to all samples whose outputs were kept; none where outputs have no axis of samples."""
    found: list[SampleAnswer] = []
    told = {CLASSES: _classes, TOKENS: _tokens}.get(compared.quantized.kind, _values)
    for batch in compared.batches:
        found.extend(told(batch, len(found)))
    return tuple(found)


def _classes(batch: Batch, first: int) -> Iterator[SampleAnswer]:
    name = next((name for name, x in batch.reference.items() if _by_sample(x, batch.samples)), None)
    if name is None:
        return
    both = [outputs[name].reshape(batch.samples, -1) for outputs in (batch.reference, batch.outputs)]
    tops = [_tops(rows) for rows in both]
    labels = None if batch.labels is None or batch.labels.size != batch.samples else batch.labels.reshape(-1)
    for at in range(batch.samples):
        (original, sure), (quantized, less) = ((top[at], share[at]) for top, share in tops)
        label = "" if labels is None else str(int(labels[at]))
        yield SampleAnswer(first + at, _told(original, sure), _told(quantized, less), original == quantized, label)


def _tops(rows: NDArray[Any]) -> tuple[list[int], list[float | None]]:
    """The class of each row, and its probability where there are scores."""
    if rows.shape[1] == 1 or rows.dtype.kind != "f":
        return [int(value) for value in rows[:, 0]], [None] * len(rows)
    top = rows.argmax(axis=1)
    spread = bool((rows >= 0).all()) and bool(np.allclose(rows.sum(axis=1), 1, atol=1e-3))
    shares = rows if spread else softmax(rows)
    return top.tolist(), [float(share) for share in shares[np.arange(len(top)), top]]


def _told(top: int, share: float | None) -> str:
    return str(top) if share is None else f"{top} ({100 * share:.0f}\u00a0%)"


def _tokens(batch: Batch, first: int) -> Iterator[SampleAnswer]:
    name = next((name for name, x in batch.reference.items() if x.ndim == 3 and _by_sample(x, batch.samples)), None)
    if name is None:
        return
    both = [outputs[name].argmax(axis=-1) for outputs in (batch.reference, batch.outputs)]
    for at, (original, quantized) in enumerate(zip(*both, strict=True)):
        kept = int((original == quantized).sum())
        yield SampleAnswer(
            first + at, plural(original.size, "token"), f"{kept} of them the same", kept == original.size
        )


def _values(batch: Batch, first: int) -> Iterator[SampleAnswer]:
    name = next((n for n, x in batch.reference.items() if x.dtype.kind == "f" and _by_sample(x, batch.samples)), None)
    if name is None or batch.outputs[name].shape != batch.reference[name].shape:
        return
    both = [outputs[name].reshape(batch.samples, -1) for outputs in (batch.reference, batch.outputs)]
    for at, (original, quantized) in enumerate(zip(*both, strict=True)):
        same = bool(sqnr_db(original, quantized) >= NEAR_DB)
        yield SampleAnswer(first + at, _few(original), _few(quantized), same)


def _few(row: NDArray[Any]) -> str:
    shown = ", ".join(f"{value:.3g}".replace("-", "\u2212") for value in row[:FEW])
    return f"{shown}, …" if row.size > FEW else shown


def _by_sample(x: NDArray[Any], samples: int) -> bool:
    return x.ndim >= 1 and x.shape[0] == samples and x.size >= samples > 0
