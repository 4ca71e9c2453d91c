"""Sequences of classes with a blank (CTC): text recognisers and speech models tell a class or nothing at every step.

The answer is the decoded sequence: the top class of each step, repeats merged, blanks dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.analysis.answer_kinds._classes import DISTANCE, HARMLESS, ClassSums
from playground.analysis.answer_kinds._evidence import Evidence, looks_like_features
from playground.analysis.answer_kinds._kind import SHARE, AnswerKind, Array, Measure, Outcome, Outputs, Reading

OFTEN = 0.2
"""A blank is the top class of at least this share of the steps: there is much between characters."""


def decoded(tops: NDArray[np.intp], blank: int) -> NDArray[np.intp]:
    """One sequence of top classes as CTC decodes it greedily: repeats merged, blanks dropped."""
    kept = np.ones(len(tops), bool)
    kept[1:] = tops[1:] != tops[:-1]
    found: NDArray[np.intp] = tops[kept & (tops != blank)]
    return found


def edit_distance(a: Sequence[int] | NDArray[np.intp], b: Sequence[int] | NDArray[np.intp]) -> int:
    """The least number of insertions, deletions and substitutions that make ``b`` of ``a`` (Levenshtein)."""
    others = np.asarray(b)
    places = np.arange(len(others) + 1)
    row = places.copy()
    for at, symbol in enumerate(a, 1):
        replaced = row[:-1] + (others != symbol)
        best = np.concatenate([[at], np.minimum(row[1:] + 1, replaced)])
        row = np.minimum.accumulate(best - places) + places  # insertions, one after the other
    return int(row[-1])


@dataclass(slots=True)
class _Sequences:
    """Decoded sequences, and how many edits lie between them."""

    steps: Callable[[Outputs], Array]
    blank: int
    sums: ClassSums
    count: int = 0
    same: int = 0
    edits: int = 0
    length: int = 0

    def update(self, reference: Outputs, outputs: Outputs, samples: int) -> None:
        """Add a batch."""
        steps, others = self.steps(reference), self.steps(outputs)
        classes = steps.shape[-1]
        wanted, found = self.sums.update(steps.reshape(-1, classes), others.reshape(-1, classes))
        shape = steps.shape[:2]
        for a, b in zip(wanted.reshape(shape), found.reshape(shape), strict=True):
            text, other = decoded(a, self.blank), decoded(b, self.blank)
            self.count += 1
            self.length += len(text)
            self.edits += edit_distance(text, other)
            self.same += np.array_equal(text, other)

    def outcome(self) -> Outcome:
        """Share of equal sequences, and edits for each class of the float model's."""
        share = self.same / max(1, self.count)
        changed = f"{self.count - self.same} of {self.count} changed"
        measures = [Measure("Same decoded sequence", share, SHARE, f"as float; {changed}")]
        silent = "" if self.length else "the float model's decoded sequence is empty for every sample"
        if self.length:
            about = f"{self.edits} edits to float's {self.length} classes"
            measures.append(Measure("Character error rate", self.edits / self.length, SHARE, about))
        return Outcome(self.count, "sequences", tuple(measures), self.sums.divergence, share, silent)


def read(evidence: Evidence, chosen: bool) -> Reading | None:
    """The first output with three axes, one of which counts classes of which one is a blank."""
    if evidence.labelled or (evidence.input_ids() and not chosen):
        return None
    found = (_reading(evidence, name, x, chosen) for name, x in evidence.candidates(chosen))
    return next(filter(None, found), None)


def _reading(evidence: Evidence, name: str, x: Array, chosen: bool) -> Reading | None:
    if x.ndim != 3 or x.shape[-1] <= 2:
        return None
    count = x.shape[-1]
    first = x.shape[0] == evidence.samples and x.shape[1] > 1
    if not first and x.shape[1] != evidence.samples:
        return None
    softmax, logarithm = evidence.is_softmax(name), evidence.is_logarithm(name)
    if not (softmax or logarithm or chosen) and looks_like_features(name, count):
        return None
    tops = x.argmax(axis=-1)
    blank = max((0, count - 1), key=lambda index: float((tops == index).mean()))
    share = float((tops == blank).mean())
    if share < OFTEN and not chosen:
        return None
    form = "logarithms" if logarithm else "probabilities" if softmax else "logits"
    order = "(samples, steps, classes)" if first else "(steps, samples, classes)"
    why = f"output {name!r} is {order}, and class {blank} is the top class of {100 * share:.0f} % of the steps: a blank"
    return Reading(
        "sequences",
        "sequences of classes (CTC)",
        why,
        (name,),
        DISTANCE,
        lambda: _Sequences(_steps(name, first=first), blank, ClassSums(form)),
        harmless=HARMLESS,
    )


def _steps(name: str, *, first: bool) -> Callable[[Outputs], Array]:
    """Scores as (samples, steps, classes)."""
    return lambda outputs: outputs[name] if first else np.swapaxes(outputs[name], 0, 1)


KIND = AnswerKind(
    "sequences",
    "sequences of classes (CTC)",
    30,
    "an output of shape (samples, steps, classes) or (steps, samples, classes)",
    read,
)
