"""A class for each position: a language model's next token, the kind of each word."""

from __future__ import annotations

from dataclasses import dataclass

from playground.analysis.answer_kinds._classes import DISTANCE, HARMLESS, ClassSums, Rows
from playground.analysis.answer_kinds._evidence import Evidence, looks_like_features
from playground.analysis.answer_kinds._kind import SHARE, AnswerKind, Array, Measure, Outcome, Outputs, Reading


@dataclass(slots=True)
class _Tokens:
    """Top classes of positions."""

    rows: Rows
    sums: ClassSums
    heading: str

    def update(self, reference: Outputs, outputs: Outputs, samples: int) -> None:
        """Add a batch."""
        self.sums.update(self.rows(reference), self.rows(outputs))

    def outcome(self) -> Outcome:
        """Share of positions with the same top class."""
        sums = self.sums
        share = sums.same / max(1, sums.count)
        measure = Measure(self.heading, share, SHARE, f"as float; {sums.count - sums.same} of {sums.count} changed")
        return Outcome(
            sums.count, "positions", (measure,), sums.divergence, share, sums.one_class("positions"), sums.lead
        )


def read(evidence: Evidence, chosen: bool) -> Reading | None:
    """The first output of shape (samples, positions, classes)."""
    found = (_reading(evidence, name, x, chosen) for name, x in evidence.candidates(chosen))
    return next(filter(None, found), None)


def _reading(evidence: Evidence, name: str, x: Array, chosen: bool) -> Reading | None:
    if x.ndim != 3 or x.shape[0] != evidence.samples or x.shape[-1] <= 1:
        return None
    count = x.shape[-1]
    vocabulary = evidence.input_ids() and count in _vocabularies(evidence)
    softmax, logarithm = evidence.is_softmax(name), evidence.is_logarithm(name)
    known = vocabulary or softmax or logarithm or evidence.labelled or chosen
    if not known and (not evidence.input_ids() or looks_like_features(name, count)):
        return None
    form = "logarithms" if logarithm else "probabilities" if softmax else "logits"
    heading, title = ("Same next token", "next tokens") if vocabulary else ("Agreement", "classes per position")
    why = f"output {name!r} holds {count} scores for each position"
    why += ", as many as the model has words or characters" if vocabulary else ""
    return Reading(
        "tokens",
        title,
        why,
        (name,),
        DISTANCE,
        lambda: _Tokens(_rows(name), ClassSums(form), heading),
        softmax and not logarithm,
        harmless=HARMLESS,
    )


def _rows(name: str) -> Rows:
    def rows(outputs: Outputs) -> Array:
        return outputs[name].reshape(-1, outputs[name].shape[-1])

    return rows


def _vocabularies(evidence: Evidence) -> set[int]:
    """Rows of the tables that ids are looked up in."""
    view = evidence.view
    ids = {value.name for value in view.graph.inputs}
    reading = (node for node in view.graph.nodes if len(node.inputs) > 1 and node.inputs[1] in ids)
    tables = (view.shape(node.inputs[0]) for node in reading)
    return {shape[0] for shape in tables if shape and len(shape) > 1}


KIND = AnswerKind("tokens", "a class for each position", 40, "an output of shape (samples, positions, classes)", read)
