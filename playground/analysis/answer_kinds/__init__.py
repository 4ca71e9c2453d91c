"""Kinds of answers that models give, one file each, and which of them a model's outputs are.

A file defines ``KIND``, an :class:`AnswerKind`. The kinds and the rules by which they are recognised are described in
docs/answers.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from playground.analysis.answer_kinds._evidence import Evidence
from playground.analysis.answer_kinds._kind import (
    DECIBELS,
    FEW,
    NUMBER,
    SHARE,
    AnswerKind,
    Measure,
    Outcome,
    Outputs,
    Reading,
    Tally,
)
from playground.errors import InvalidInputError, one_of
from playground.registry import discover

__all__ = [
    "AUTO",
    "DECIBELS",
    "FEW",
    "NUMBER",
    "SHARE",
    "AnswerKind",
    "Evidence",
    "Measure",
    "Outcome",
    "Outputs",
    "Reading",
    "Tally",
    "answer_kinds",
    "read_outputs",
]

AUTO = "auto"
"""The choice that leaves it to the outputs."""


@cache
def answer_kinds() -> Mapping[str, AnswerKind]:
    """Every kind by its id, in the order in which they are tried."""
    found = discover(sys.modules[__name__], "KIND", AnswerKind)
    return dict(sorted(found.items(), key=lambda item: item[1].rank))


def read_outputs(evidence: Evidence, choice: str = AUTO) -> Reading:
    """How a model's outputs are read.

    Args:
        evidence: the graph and what the float model makes of a batch.
        choice: the id of a kind, or :data:`AUTO`.

    Raises:
        InvalidInputError: there is no such kind, or the outputs cannot be read as it.
    """
    kinds = answer_kinds()
    if choice == AUTO:
        readings = (kind.read(evidence, False) for kind in kinds.values())
        return next(reading for reading in readings if reading is not None)
    if choice not in kinds:
        raise InvalidInputError(
            f"{choice!r} is not a kind of answer", where="answer", hint=one_of(choice, (AUTO, *kinds))
        )
    reading = kinds[choice].read(evidence, True)
    if reading is None:
        shapes = ", ".join(f"{name!r} of shape {list(x.shape)}" for name, x in evidence.outputs.items())
        raise InvalidInputError(
            f"the outputs ({shapes}) cannot be read as {kinds[choice].title}",
            where="answer",
            hint=f"Choose another kind: this one needs {kinds[choice].needs}",
        )
    return reading
