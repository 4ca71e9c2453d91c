"""What a search for remedies found: each that was tried with what it gained and costs, and the best combination."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playground.analysis.outputs import Measured
from playground.analysis.remedies import Remedy
from playground.model.recipe import Recipe
from playground.ptq.pipeline import QuantizedModel
from playground.ptq.verification import APART, EXACT, OPTIMIZED

SLIGHT = 0.01
"""A gain below this share of the loss is none: it would be another one on other samples."""

FREE = 0.01
"""Bytes below this share of the file are as good as none."""

SAME_ANSWERS = 0.99
"""With fewer answers like the float model's something is lost, however near the scores are."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Remedies that were tried together, as a file and measured.

    Attributes:
        remedies: what was changed, in this order.
        recipe: what that makes of the recipe.
        measured: the model that it gives.
        gain: by how much its loss is smaller than that of the model without them (``Measured.loss``).
        bytes: by how much its file is larger; negative if it is smaller.
        free: whether that is next to nothing, besides the recipe that the file has as a text.
    """

    remedies: tuple[Remedy, ...]
    recipe: Recipe
    measured: Measured
    gain: float
    bytes: int
    free: bool

    @property
    def name(self) -> str:
        """The remedies in words."""
        return " + ".join(remedy.name for remedy in self.remedies)

    @property
    def gain_per_kb(self) -> float | None:
        """What a kB more gives; None where it costs nothing."""
        return None if self.free else self.gain / (self.bytes / 1000)

    @property
    def rank(self) -> tuple[bool, float]:
        """Larger is better: first what is free, by its gain, then the rest by what a kB gives."""
        per_kb = self.gain_per_kb
        return per_kb is None, self.gain if per_kb is None else per_kb

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name,
            "remedies": [remedy.as_dict() for remedy in self.remedies],
            "recipe": self.recipe.as_dict(),
            "measured": self.measured.as_dict(),
            "loss": self.measured.loss,
            "gain": self.gain,
            "bytes": self.bytes,
            "gain_per_kb": self.gain_per_kb,
        }


@dataclass(frozen=True, slots=True)
class Improvement:
    """What was found.

    Attributes:
        original: the float model.
        recipe: the one without remedies.
        before: the model as that has it.
        file_bytes: the size of its file.
        listed: the single remedies that gain, the best first; none that is not better than doing nothing.
        useless: names of those that were tried and gain nothing.
        failed: names of those that could not be tried, with the reason.
        best: the best combination that was measured; None where nothing gains, or nothing is lost that is worth bytes.
        samples: how many were measured on.
        told: which ones, in a sentence.
        quantized: the model of the best combination, or as the recipe has it.
        idle: what was measured of those that gain nothing.
    """

    original: Measured
    recipe: Recipe
    before: Measured
    file_bytes: int
    listed: tuple[Trial, ...]
    useless: tuple[str, ...]
    failed: dict[str, str]
    best: Trial | None
    samples: int
    told: str
    quantized: QuantizedModel = field(repr=False)
    idle: tuple[Trial, ...] = ()

    @property
    def after(self) -> Measured:
        """The model of the best combination."""
        return self.before if self.best is None else self.best.measured

    def as_dict(self) -> dict[str, Any]:
        """Plain data, without the model."""
        return {
            "original": self.original.as_dict(),
            "before": self.before.as_dict(),
            "loss_name": self.before.loss_name,
            "loss": self.before.loss,
            "file_bytes": self.file_bytes,
            "listed": [trial.as_dict() for trial in self.listed],
            "useless": list(self.useless),
            "failed": dict(self.failed),
            "best": None if self.best is None else self.best.as_dict(),
            "samples": self.samples,
            "told": self.told,
        }


def gains(before: Measured, after: Measured, original: Measured) -> bool:
    """Whether the loss is smaller by more than chance; NaN is no gain, and what is below the float model's is luck."""
    return before.loss - max(after.loss, original.loss) > SLIGHT * abs(before.loss)


def lost(measured: Measured, original: Measured) -> float:
    """What quantization costs: the loss above the float model's."""
    return max(measured.loss - original.loss, 0.0)


def is_harmless(measured: Measured) -> bool:
    """Whether nothing is lost that is worth bytes: answers as the float model's, and hardly any distance."""
    same = measured.agreement is None or measured.agreement >= SAME_ANSWERS
    return same and measured.distance < measured.harmless


def undone(before: QuantizedModel, after: QuantizedModel) -> str:
    """Why ONNX Runtime gives nothing of what a file gains, in a few words; empty if it does, or was not asked.

    Its optimizations quantize the weights of a Conv or Gemm anew that stays in float between quantized activations.
    """
    found, first = after.report.verification, before.report.verification
    if found is None or first is None or found.refused:
        return found.sentence if found is not None else ""
    given, was = found.sqnr_db.get(OPTIMIZED, {}), first.sqnr_db.get(OPTIMIZED, {})
    for engine, levels in found.sqnr_db.items():
        for name in levels.keys() & given.keys() & was.keys():
            if min(levels[name], EXACT) - min(given[name], EXACT) > APART and given[name] <= was[name]:
                return f"{OPTIMIZED} gives {given[name]:.1f} dB at output {name!r}, {engine} {levels[name]:.1f} dB"
    return ""
