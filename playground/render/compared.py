"""How well a quantized model answers, as cards: against labels if there are any, else against the float model."""

from __future__ import annotations

import math

from playground.analysis.agreement import Compared
from playground.analysis.answer_kinds import DECIBELS, SHARE, Measure
from playground.analysis.outputs import Measured
from playground.render.html import Number
from playground.render.numbers import digits, percent, points

NOTHING = "—"


def shown(measure: Measure) -> str:
    """A measure's value with its unit."""
    if measure.unit == SHARE:
        return percent(measure.value)
    return f"{digits(measure.value)} dB" if measure.unit == DECIBELS else digits(measure.value)


def read_as(measured: Measured) -> str:
    """What was taken for the answers and why, and what has to be explained, in sentences."""
    told = f"Answers are read as {measured.answers}: {measured.why}."
    return f"{told} {measured.explained}" if measured.explained else told


def all_numbers(compared: Compared, counted: str) -> list[Number]:
    """All that was measured; ``counted``: on how many of what."""
    numbers, original, quantized = [], compared.original, compared.quantized
    labelled = original.accuracy is not None and quantized.accuracy is not None
    if original.accuracy is not None and quantized.accuracy is not None:
        numbers += [
            Number("Accuracy, float", percent(original.accuracy), counted),
            Number("Accuracy, quantized", percent(quantized.accuracy), compared.engine),
        ]
    numbers += [_card(measure, quantized) for measure in quantized.measures[: 1 if quantized.silent else None]]
    if original.cross_entropy is not None and quantized.cross_entropy is not None:
        told = f"float {digits(original.cross_entropy)}"
        numbers.append(Number("Cross-entropy", digits(quantized.cross_entropy), told))
    elif not labelled and quantized.kind != "values" and not math.isnan(quantized.sqnr_db):
        told = f"SQNR {counted}" if quantized.noun == "samples" else "SQNR"
        numbers.append(Number("Output", f"{digits(quantized.sqnr_db)} dB", f"{told}, {compared.engine}"))
    return numbers


def one_number(compared: Compared | None) -> list[Number]:
    """The one that says it best; none where nothing was compared."""
    if compared is None:
        return []
    original, quantized = compared.original, compared.quantized
    if original.accuracy is not None and quantized.accuracy is not None:
        change = quantized.accuracy - original.accuracy
        return [Number("Accuracy", percent(quantized.accuracy), *points(change))]
    numbers = [_card(measure, quantized) for measure in quantized.measures[:1]]
    if quantized.silent and not math.isnan(quantized.sqnr_db):
        numbers.append(Number("Output", f"{digits(quantized.sqnr_db)} dB", "SQNR against the float model"))
    return numbers


def _card(measure: Measure, measured: Measured) -> Number:
    """A measure, or why it says nothing."""
    if measured.silent:
        return Number(measure.name, NOTHING, measured.silent)
    return Number(measure.name, shown(measure), measure.about)
