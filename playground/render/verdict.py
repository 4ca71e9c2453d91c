"""Which layer hurts, and what to do about it, in plain sentences."""

from __future__ import annotations

from playground.analysis.answer_kinds import SHARE
from playground.analysis.improvement import Improvement
from playground.analysis.outputs import Measured
from playground.analysis.sensitivity import LayerResult, Sensitivity
from playground.errors import plural
from playground.render.compared import shown
from playground.render.numbers import digits, percent, size

ACCURACY, ENTROPY = 0.005, 0.02
"""A loss below these is none: half a point of accuracy, 0.02 nats."""

APART = 0.01
"""With more than one in a hundred answers unlike float's, something is lost however near the scores are."""

BLAME = 0.1
"""A layer is to blame if leaving it in float gives back at least this share of what quantization lost."""


def verdict(found: Sensitivity, improvement: Improvement | None = None) -> str:
    """One sentence, before it another where the samples were made up; what remedies give, where they were tried."""
    caution = "The samples are random, so this is not a measurement. " if found.generated else ""
    if harmless(found.quantized, found.original):
        return f"{caution}No layer hurts: {_as_good(found)}. Nothing needs to change."
    worst = found.worst()
    lost, gained = found.quantized.loss - found.original.loss, found.gain(worst)
    if worst.without is None or gained < BLAME * lost:
        advice = tried(improvement) if improvement else "Give all layers more bits."
        return f"{caution}No single layer causes the error: {_state(found)}. {advice}"
    advice = f". {tried(improvement)}" if improvement else f"; {_advice(worst)}."
    return f"{caution}{worst.layer.node} hurts most: {_effect(found, worst)}{advice}"


def tried(found: Improvement) -> str:
    """What the best of the remedies that were tried gives, as measured; one sentence."""
    best, count = found.best, len(found.listed) + len(found.useless)
    if best is None:
        return f"Of {plural(count, 'remedy', 'remedies')} tried, none is worth its bytes."
    price = f" for {size(best.bytes)} more" if best.bytes > 0 and not best.free else ""
    change = _falls(found.before, best.measured)
    return f"Of {plural(count, 'remedy', 'remedies')} tried, best is {best.name}: {change}{price}."


def harmless(quantized: Measured, original: Measured) -> bool:
    """Whether a quantized model answers as well as the float model."""
    if quantized.cross_entropy is None or quantized.accuracy is None:
        return quantized.loss < quantized.harmless and not _apart(quantized)
    lost = (original.accuracy or 0.0) - quantized.accuracy
    return lost < ACCURACY and quantized.cross_entropy - (original.cross_entropy or 0.0) < ENTROPY


def _apart(measured: Measured) -> bool:
    return measured.agreement is not None and measured.agreement < 1 - APART


def quality(measured: Measured) -> str:
    """The answers beside the float model's in one phrase; where these say nothing, the output's error."""
    told = measured.headline
    if told is None or measured.kind == "values":
        return f"the output's error is {percent(measured.relative_error)} of its power"
    return f"{told.name[0].lower()}{told.name[1:]} is {shown(told)}"


def _as_good(found: Sensitivity) -> str:
    quantized, original = found.quantized, found.original
    if quantized.accuracy is None or original.accuracy is None:
        return quality(quantized)
    if quantized.accuracy == original.accuracy:
        return f"the quantized model gets {percent(quantized.accuracy)} right, just as the float model does"
    return f"the quantized model gets {percent(quantized.accuracy)} right, the float model {percent(original.accuracy)}"


def _state(found: Sensitivity) -> str:
    quantized, original = found.quantized, found.original
    if quantized.accuracy is None or original.accuracy is None:
        return quality(quantized)
    return f"accuracy is {percent(quantized.accuracy)}, float {percent(original.accuracy)}"


def _effect(found: Sensitivity, worst: LayerResult) -> str:
    """What leaving the layer in float changes, in the most telling unit."""
    before, after, layer = found.quantized, worst.without, worst.layer
    if after is None:
        return ""
    more = layer.bytes_before - layer.bytes_after
    price = f" for {size(more)} more" if more > 0 else ""
    if before.accuracy is None or after.accuracy is None or before.cross_entropy is None or after.cross_entropy is None:
        change = _nearer(before, after)
    elif after.accuracy - before.accuracy >= ACCURACY:
        change = f"accuracy rises from {percent(before.accuracy)} to {percent(after.accuracy)}"
    else:
        change = f"cross-entropy falls from {digits(before.cross_entropy)} to {digits(after.cross_entropy)} nats"
    return f"with it in float {change}{price}"


def _nearer(before: Measured, after: Measured) -> str:
    """What changes without labels: the telling measure where it moves, else what layers are ranked by."""
    first, second = before.headline, after.headline
    if first and second and first.unit == SHARE and abs(second.value - first.value) >= ACCURACY:
        verb = "rises" if second.value > first.value else "falls"
        return f"{first.name[0].lower()}{first.name[1:]} {verb} from {shown(first)} to {shown(second)}"
    if before.kind == "values":
        return f"the output's error falls from {_finely(before.relative_error)} to {_finely(after.relative_error)}"
    return f"the distance from float's answers, {_falls(before, after)}"


def _falls(before: Measured, after: Measured) -> str:
    """How what ranks changes, with its unit behind the numbers."""
    name, _, unit = before.loss_name.partition(", ")
    return f"{name} falls from {digits(before.loss)} to {digits(after.loss)} {unit}".rstrip()


def _finely(share: float) -> str:
    """A percentage that can be told from one a little smaller, however small they are."""
    return f"{digits(100 * share)} %"


def _advice(worst: LayerResult) -> str:
    layer = worst.layer
    if layer.granularity == "tensor" and worst.weights is not None:
        return "first try one scale for each channel, then more bits"
    if layer.format and layer.format not in ("int8", "uint8"):
        return "give it more bits, or leave it in float"
    return "leave it in float, or use another calibrator for its activations"
