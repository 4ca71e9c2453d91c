"""What came of running both models on the visitor's inputs, or on made-up ones: how far apart each output is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from playground.analysis.agreement import largest_difference
from playground.errors import plural
from playground.metrics import sqnr_db
from playground.render import html
from playground.render.numbers import digits

if TYPE_CHECKING:
    from playground.analysis.sample_answers import SampleAnswer

MOST = 12
"""Samples whose answers are shown."""


@dataclass(frozen=True, slots=True)
class Ran:
    """Both models' outputs beside each other.

    Attributes:
        about: which engines ran, in a sentence.
        rows: of each output its name, its shape, the largest difference, and SQNR (empty if it holds no floats).
        largest: the largest difference of all.
        answers: what both models say to each sample; empty where that is not known.
    """

    about: str
    rows: tuple[tuple[str, str, str, str], ...]
    largest: float
    answers: tuple[SampleAnswer, ...] = ()

    @property
    def sentence(self) -> str:
        """What was run, and how far outputs are apart."""
        return f"{self.about}; outputs differ by at most {digits(self.largest)}."

    @property
    def table(self) -> str:
        """The answers and the outputs, as HTML."""
        outputs = html.table(("Output", "Shape", "Largest difference", "SQNR"), self.rows)
        if not self.answers:
            return outputs
        told = [(str(answer.index + 1), answer.original, answer.quantized) for answer in self.answers[:MOST]]
        left = len(self.answers) - len(told)
        more = html.note(f"And {plural(left, 'sample')} more.") if left > 0 else ""
        return html.table(("Sample", "Float says", "Quantized says"), told) + more + html.part(outputs)


def ran(
    floats: Mapping[str, NDArray[Any]],
    quantized: Mapping[str, NDArray[Any]],
    about: str,
    answers: tuple[SampleAnswer, ...] = (),
) -> Ran:
    """Compare the outputs of two models; ``answers``: what they say to each sample."""
    apart = {name: largest_difference(floats[name], values) for name, values in quantized.items()}
    rows = tuple(
        (name, " × ".join(map(str, values.shape)) or "a number", digits(apart[name]), _level(floats[name], values))
        for name, values in quantized.items()
    )
    return Ran(about, rows, max(apart.values()), answers)


def _level(exact: NDArray[Any], found: NDArray[Any]) -> str:
    if exact.dtype.kind != "f" or not exact.size:
        return ""
    level = sqnr_db(exact, found)
    return f"{level:.1f} dB" if isfinite(level) else "exact"
