"""Class scores: one row of scores a sample, softmaxed or not; or the classes themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playground.analysis.answer_kinds._classes import DISTANCE, HARMLESS, ClassSums, IdSums, Rows, two_classes
from playground.analysis.answer_kinds._evidence import STEP, Evidence, looks_like_features, named_like
from playground.analysis.answer_kinds._kind import SHARE, AnswerKind, Array, Measure, Outcome, Outputs, Reading

MOST_IDS = 1 << 16
"""Integers below this may be numbers of classes."""


@dataclass(slots=True)
class _Scores:
    """Top classes of rows of scores."""

    rows: Rows
    sums: ClassSums

    def update(self, reference: Outputs, outputs: Outputs, samples: int) -> None:
        """Add a batch."""
        self.sums.update(self.rows(reference), self.rows(outputs))

    def outcome(self) -> Outcome:
        """Share of equal top classes."""
        sums = self.sums
        share = sums.same / max(1, sums.count)
        about = f"same top class as float; {sums.count - sums.same} of {sums.count} changed"
        measure = Measure("Agreement", share, SHARE, about)
        return Outcome(sums.count, "samples", (measure,), sums.divergence, share, sums.one_class("samples"), sums.lead)


@dataclass(slots=True)
class _Ids:
    """Numbers of classes."""

    name: str
    sums: IdSums

    def update(self, reference: Outputs, outputs: Outputs, samples: int) -> None:
        """Add a batch."""
        self.sums.update(reference[self.name], outputs[self.name])

    def outcome(self) -> Outcome:
        """Share of equal classes."""
        sums = self.sums
        share = sums.same / max(1, sums.count)
        measure = Measure("Agreement", share, SHARE, f"same class as float; {sums.count - sums.same} changed")
        return Outcome(sums.count, "samples", (measure,), 1 - share, share, sums.one_class("samples"))


def read(evidence: Evidence, chosen: bool) -> Reading | None:
    """The first output of shape (samples, classes), other axes of size 1 aside."""
    for name, x in evidence.outputs.items():
        found = _scores(evidence, name, x, chosen) if x.dtype.kind == "f" else _ids(evidence, name, x, chosen)
        if found is not None or not chosen:
            return found
    return None


def _scores(evidence: Evidence, name: str, x: Array, chosen: bool) -> Reading | None:
    sizes = [size for size in x.shape[1:] if size != 1]
    if x.ndim < 2 or x.shape[0] != evidence.samples or len(sizes) > 1 or not x.size:
        return None
    count = sizes[0] if sizes else 1
    if count == 1:
        if not (evidence.is_sigmoid(name) or (chosen and x.min() >= 0 and x.max() <= 1)):
            return None
        return _reading(name, "a probability for each sample, yes above 0.5", _yes_or_no(name), "probabilities")
    softmax, logarithm = evidence.is_softmax(name), evidence.is_logarithm(name)
    if not (softmax or chosen or evidence.labelled) and looks_like_features(name, count):
        return None
    if not (softmax or chosen or evidence.labelled) and count >= STEP and _has_unit_length(x.reshape(len(x), -1)):
        return None
    sigmoid = evidence.is_sigmoid(name)
    form = "logarithms" if logarithm else "probabilities" if softmax or sigmoid else "logits"
    why = f"a row of {count} {'scores' if form == 'logits' else form} for each sample"
    return _reading(name, why, lambda outputs: outputs[name].reshape(len(outputs[name]), -1), form)


def _has_unit_length(rows: Array) -> bool:
    return bool(np.allclose(np.square(rows.astype(np.float64)).sum(axis=1), 1, atol=1e-2))


def _yes_or_no(name: str) -> Rows:
    return lambda outputs: two_classes(outputs[name])


def _ids(evidence: Evidence, name: str, x: Array, chosen: bool) -> Reading | None:
    """Numbers of classes, one a sample: of an ArgMax, say."""
    single = x.ndim >= 1 and x.size == evidence.samples == x.shape[0]
    if not single or x.dtype.kind not in "iu" or x.min() < 0 or x.max() >= MOST_IDS:
        return None
    if not chosen and not named_like(name, ("class", "label", "argmax", "pred")) and len(evidence.outputs) > 1:
        return None
    why = f"output {name!r} is the number of a class for each sample"
    return Reading("classes", "classes", why, (name,), "share of other classes", lambda: _Ids(name, IdSums()))


def _reading(name: str, why: str, rows: Rows, form: str) -> Reading:
    return Reading(
        "classes",
        "class scores",
        f"output {name!r} is {why}",
        (name,),
        DISTANCE,
        lambda: _Scores(rows, ClassSums(form)),
        form == "probabilities",
        harmless=HARMLESS,
    )


KIND = AnswerKind("classes", "class scores", 50, "an output of shape (samples, classes)", read)
