"""Boxes with scores: what detectors find. Boxes of both models are matched by their overlap.

How outputs are read is in ``_box_forms.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.analysis.answer_kinds._box_forms import Boxes, box_form
from playground.analysis.answer_kinds._evidence import Evidence
from playground.analysis.answer_kinds._kind import SHARE, AnswerKind, Measure, Outcome, Outputs, Reading

THRESHOLD = 0.25
"""Score from which on a box counts as found."""

FAINT = THRESHOLD / 5
"""Score from which on a box counts for the continuous form, by its score: so a score that crosses the threshold changes
it little."""

OVERLAP = 0.5
"""Intersection over union from which on two boxes of one class are the same, between models and within one."""

HARMLESS = 0.02
"""Two in a hundred boxes, weighted by their scores."""

MOST = 300
"""Boxes of a sample, those of the highest scores."""


def overlaps(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of each pair of boxes.

    Args:
        a: (n, 4): left, top, right, bottom.
        b: (m, 4), likewise.

    Returns:
        (n, m), 0 to 1.
    """
    low = np.maximum(a[:, np.newaxis, :2], b[np.newaxis, :, :2])
    high = np.minimum(a[:, np.newaxis, 2:], b[np.newaxis, :, 2:])
    both = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(np.maximum(x[:, 2:] - x[:, :2], 0), axis=1) for x in (a, b)]
    union = areas[0][:, np.newaxis] + areas[1][np.newaxis, :] - both
    found: NDArray[np.float64] = np.where(union > 0, both / np.where(union > 0, union, 1), 0.0)
    return found


def kept(boxes: Boxes) -> Boxes:
    """The boxes that are left when of those that overlap within a class only the highest score is kept."""
    order = np.argsort(-boxes.scores, kind="stable")
    order = order[boxes.scores[order] >= FAINT][:MOST]
    corners, classes = boxes.corners[order], boxes.classes[order]
    alike = (overlaps(corners, corners) >= OVERLAP) & (classes[:, np.newaxis] == classes[np.newaxis, :])
    alive = np.ones(len(order), bool)
    for at in range(len(order)):
        if alive[at]:
            alive[at + 1 :] &= ~alike[at, at + 1 :]
    chosen = order[alive]
    return Boxes(boxes.corners[chosen], boxes.scores[chosen], boxes.classes[chosen])


def matched(a: Boxes, b: Boxes) -> list[tuple[int, int, float]]:
    """Pairs of boxes of one class that overlap enough, the highest score of ``a`` first, each in one pair at most.

    Returns:
        Place in ``a``, place in ``b``, intersection over union.
    """
    overlap = overlaps(a.corners, b.corners)
    overlap[a.classes[:, np.newaxis] != b.classes[np.newaxis, :]] = 0
    pairs = []
    for at in np.argsort(-a.scores, kind="stable"):
        if not overlap.shape[1]:
            break
        best = int(overlap[at].argmax())
        if overlap[at, best] >= OVERLAP:
            pairs.append((int(at), best, float(overlap[at, best])))
            overlap[:, best] = 0
    return pairs


@dataclass(slots=True)
class _Found:
    """Matched boxes of all samples."""

    boxes: Callable[[Outputs], list[Boxes]]
    wanted: int = 0
    found: int = 0
    matches: int = 0
    weight: float = 0.0
    common: float = 0.0
    count: int = 0

    def update(self, reference: Outputs, outputs: Outputs, samples: int) -> None:
        """Add a batch."""
        pairs = zip(map(kept, self.boxes(reference)), map(kept, self.boxes(outputs)), strict=True)
        for a, b in pairs:
            sure = [Boxes(*(part[x.scores >= THRESHOLD] for part in x.parts)) for x in (a, b)]
            self.count += 1
            self.wanted += len(sure[0].scores)
            self.found += len(sure[1].scores)
            self.matches += len(matched(sure[0], sure[1]))
            self.weight += float(a.scores.sum() + b.scores.sum())
            self.common += sum(2 * overlap * min(a.scores[at], b.scores[other]) for at, other, overlap in matched(a, b))

    def outcome(self) -> Outcome:
        """The share of boxes that both models find."""
        total = self.wanted + self.found
        f1 = 2 * self.matches / total if total else 1.0
        about = f"{self.matches} boxes in both, {self.wanted - self.matches} lost, {self.found - self.matches} added"
        measure = Measure("Boxes found by both (F1)", f1, SHARE, about)
        silent = ""
        if not self.wanted:
            silent = f"the float model finds no box with a score of {THRESHOLD} or more"
        distance = 1 - self.common / self.weight if self.weight else 0.0
        return Outcome(self.wanted, "boxes", (measure,), distance, None, silent)


def read(evidence: Evidence, chosen: bool) -> Reading | None:
    """The outputs that hold boxes and their scores."""
    form = box_form(evidence, chosen)
    if form is None:
        return None
    return Reading(
        "boxes",
        "boxes with scores",
        form.why,
        form.outputs,
        "1 − F1 weighted by scores",
        lambda: _Found(form.boxes),
        harmless=HARMLESS,
    )


KIND = AnswerKind(
    "boxes",
    "boxes with scores",
    10,
    "boxes of 4 numbers and scores, in one output of three axes or in two outputs",
    read,
)
