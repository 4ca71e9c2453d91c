"""All else: states, pictures, numbers. Outputs are compared value by value, each output against its own power."""

from __future__ import annotations

import math

from playground.analysis.answer_kinds._evidence import Evidence
from playground.analysis.answer_kinds._kind import DECIBELS, AnswerKind, Measure, Outcome, Outputs, Reading
from playground.metrics import ErrorSums


class _Values:
    """Signal to noise of every output."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._sums = {name: ErrorSums() for name in names}
        self._count = 0

    def update(self, reference: Outputs, outputs: Outputs, samples: int) -> None:
        """Add a batch."""
        self._count += samples
        for name, sums in self._sums.items():
            if reference[name].size and reference[name].shape == outputs[name].shape:
                sums.update(reference[name], outputs[name])

    def outcome(self) -> Outcome:
        """The worst output first, then the others in the graph's order."""
        found = {name: sums.measures()["sqnr_db"] for name, sums in self._sums.items() if sums.count}
        worst = sorted(found, key=lambda name: found[name])
        measures = tuple(Measure(f"SQNR of {name}", found[name], DECIBELS, "against float") for name in worst)
        errors = [0.0 if math.isinf(db) and db > 0 else 10 ** (-db / 10) for db in found.values()]
        return Outcome(self._count, "samples", measures, sum(errors) / max(1, len(errors)))


def read(evidence: Evidence, chosen: bool) -> Reading:
    """Every output of a floating type; if there is none, every output."""
    names = tuple(evidence.floats()) or tuple(evidence.outputs)
    why = "no output looks like classes, boxes or embeddings" if not chosen else "value by value, as chosen"
    return Reading("values", "values", why, names, "relative error", lambda: _Values(names))


KIND = AnswerKind("values", "values (SQNR)", 90, "any output", read)
