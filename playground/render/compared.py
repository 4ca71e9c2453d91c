"""How well a quantized model answers, as cards: against labels if there are any, else against the float model."""

from __future__ import annotations

from playground.analysis.agreement import Compared
from playground.render.html import Number
from playground.render.numbers import digits, grouped, percent, points


def all_numbers(compared: Compared, counted: str) -> list[Number]:
    """All that was measured; ``counted``: on how many of what."""
    numbers, original, quantized = [], compared.original, compared.quantized
    if original and quantized:
        numbers += [
            Number("Accuracy, float", percent(original.accuracy), counted),
            Number("Accuracy, quantized", percent(quantized.accuracy), compared.engine),
        ]
    if compared.agreement is not None:
        told = f"{compared.flipped} answers changed" + ("" if original else f" {counted}")
        numbers.append(Number("Agreement", percent(compared.agreement), told))
    if original and quantized:
        told = f"float {digits(original.cross_entropy)}"
        numbers.append(Number("Cross-entropy", digits(quantized.cross_entropy), told))
    elif compared.sqnr_db is not None:
        numbers.append(Number("Output", f"{digits(compared.sqnr_db)} dB", f"SQNR, {compared.engine}"))
    return numbers


def one_number(compared: Compared | None) -> list[Number]:
    """The one that says it best; none where nothing was compared."""
    if compared is None:
        return []
    if compared.original and compared.quantized:
        change = compared.quantized.accuracy - compared.original.accuracy
        return [Number("Accuracy, quantized", percent(compared.quantized.accuracy), *points(change))]
    if compared.agreement is not None:
        counted = f"same top class as float, on {grouped(compared.count)}"
        return [Number("Agreement", percent(compared.agreement), counted)]
    return [Number("Output", f"{digits(compared.sqnr_db or 0.0)} dB", "SQNR against the float model")]
