"""The sentence on top of the Tensor view: what makes the error, and the cheapest change that takes much of it away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.app.proposed_step import NextStep
from playground.app.workspace import Workspace
from playground.errors import PlaygroundError, plural
from playground.metrics import compare
from playground.render.numbers import digits, grouped, percent
from playground.settings import Settings
from playground.tasks import Progress, Task
from playground.tensor_view.picture import Picture, quantize_subject
from playground.tensor_view.subject import Subject

MOST_VALUES = 1 << 20
"""In larger tensors nothing is tried: each trial quantizes the whole tensor."""

POINTS, DECIBELS = 0.005, 1.0
"""Gains below these are none: half a point of accuracy, one decibel of SQNR."""

GOOD_DB = 35.0
"""Without samples a tensor is good from this SQNR on."""

BULK = (0.005, 0.995)
"""Between these quantiles lie 99 % of the values."""

MOST_BITS = 1.05
"""Bits a weight that a proposal may cost: one, and a few scales."""

CROWDED = 0.6
"""If the bulk of the values is on this share of the levels or less, the others are spent on few values."""

HALF = 0.5
"""Of the best gain: a cheaper change that has it is proposed instead. Of the error: its cause is named."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A change that may help, in words, and how good the tensor is with it."""

    name: str
    changes: Mapping[str, Any]
    quality: float = 0.0


def tensor_step_task(workspace: Workspace) -> Task[NextStep]:
    """Say what is the case, and try what may help on the tensor itself."""
    report, subject, settings = workspace.report, workspace.subject, workspace.settings
    if report is None or subject is None:
        return NextStep("This model has no tensor that can be shown.", "Look at the model", view="model")
    told = f"{_scheme_words(report)}: {_case(workspace, report, subject)}."
    if subject.values.size > MOST_VALUES:
        return NextStep(told)
    good = _is_good(workspace, report)
    trials = list(_fewer(settings) if good else _remedies(settings, report))
    found = []
    for at, trial in enumerate(trials):
        yield Progress(at, len(trials), trial.name)
        quality = _quality(workspace, subject, report.bits_per_weight, trial.changes)
        if quality is not None:
            found.append(Trial(trial.name, trial.changes, quality))
    now = _now(workspace, report)
    if good:
        return _narrower(told, found[0], now, workspace) if found else NextStep(told)
    least = POINTS if workspace.evaluator is not None else DECIBELS
    best = max((trial.quality - now for trial in found), default=0.0)
    if best < least:
        return NextStep(told)
    return _proposed(told, next(t for t in found if t.quality - now >= max(least, HALF * best)), workspace)


def _proposed(told: str, trial: Trial, workspace: Workspace) -> NextStep:
    value = percent(trial.quality) if workspace.evaluator is not None else f"{digits(trial.quality)} dB"
    what = "accuracy" if workspace.evaluator is not None else "SQNR"
    return NextStep(told, f"Try {trial.name}", f"{what} {value}", trial.changes)


def _narrower(told: str, trial: Trial, now: float, workspace: Workspace) -> NextStep:
    """Fewer bits: to be tried where they cost nothing, else to be seen, with their price."""
    labelled = workspace.evaluator is not None
    cost = f"{_points(now - trial.quality):.1f} points" if labelled else f"{digits(now - trial.quality)} dB"
    if (_points(now - trial.quality) if labelled else now - trial.quality) <= 0:
        return _proposed(told, trial, workspace)
    return NextStep(told, f"See {trial.name}", f"would cost {cost}", trial.changes)


def _points(share: float) -> float:
    """A share of one in percentage points, with one digit."""
    return round(100 * share, 1)


def _scheme_words(report: Picture) -> str:
    scheme = report.scheme
    bits = plural(scheme.number_format.bits, "bit") if scheme.number_format.family == "integer" else scheme.format
    if not scheme.is_scaled:
        return bits
    return f"{bits}, {'one scale' if report.scales == 1 else f'{grouped(report.scales)} scales'}"


def _case(workspace: Workspace, report: Picture, subject: Subject) -> str:
    """What makes the error, and what it costs."""
    score, evaluator = workspace.score, workspace.evaluator
    if score is None or evaluator is None:
        cost = f"SQNR {digits(report.metrics['sqnr_db'])} dB"
    else:
        lost = _points(evaluator.float_score.accuracy - score.accuracy)
        cost = f"{lost:.1f} points of accuracy lost" if lost > 0 else f"accuracy {percent(score.accuracy)}, as in float"
    cause = "" if _is_good(workspace, report) else _cause(report, subject)
    return f"{cause}; {cost}" if cause else cost


def _cause(report: Picture, subject: Subject) -> str:
    if report.clipping_error_share > HALF:
        return f"clipping makes {percent(report.clipping_error_share)} of the error"
    if report.per_channel or not 1 < report.level_count <= len(report.levels):
        return "rounding makes the error"
    low, high = np.quantile(subject.values, BULK)
    used = np.unique(report.places_of(np.array([low, high], np.float32)))
    count = int(used[-1] - used[0]) + 1
    if count > CROWDED * report.level_count:
        return "rounding makes the error"
    return f"99 % of the values lie on {count} of {report.level_count} levels, outliers take the others"


def _is_good(workspace: Workspace, report: Picture) -> bool:
    if workspace.score is None or workspace.evaluator is None:
        return bool(report.metrics["sqnr_db"] >= GOOD_DB)
    return bool(workspace.evaluator.float_score.accuracy - workspace.score.accuracy < POINTS)


def _now(workspace: Workspace, report: Picture) -> float:
    return float(report.metrics["sqnr_db"]) if workspace.score is None else workspace.score.accuracy


def _quality(workspace: Workspace, subject: Subject, bits: float, changes: Mapping[str, Any]) -> float | None:
    """Accuracy, or SQNR without samples, after a change; None where the format refuses it or it takes many more bits.

    Args:
        workspace: whose settings are changed.
        subject: the tensor.
        bits: a weight takes now, as stored.
        changes: of the settings.
    """
    try:
        quantized, _ = quantize_subject(subject, workspace.settings.with_(**changes))
    except PlaygroundError:
        return None
    if quantized.bits_per_weight > bits + MOST_BITS:
        return None
    x_hat = quantized.dequantize()
    if workspace.evaluator is None:
        return float(compare(subject.values, x_hat)["sqnr_db"])
    return workspace.evaluator.with_weight(subject.name, x_hat).accuracy


def _remedies(settings: Settings, report: Picture) -> Iterator[Trial]:
    """What may help, the cheapest first."""
    free = {"lo": None, "hi": None, "zero_point": None}
    integer = report.scheme.number_format.family == "integer"
    dragged = settings.lo is not None or settings.hi is not None
    if report.clipping_error_share > HALF and (dragged or settings.calibrator != "minmax"):
        yield Trial("the whole range", {**free, "calibrator": "minmax"})
    if integer and settings.symmetric:
        yield Trial("an asymmetric range", {**free, "symmetric": False})
    if settings.granularity == "tensor" and report.scheme.number_format.family != "block":
        for axis in range(min(len(report.shape), 2)):
            yield Trial("a scale per channel", {**free, "granularity": "channel", "axis": axis})
    if integer and settings.calibrator == "minmax":
        yield Trial("the range of least squared error", {**free, "calibrator": "mse"})
    if settings.granularity in ("tensor", "channel") and report.scheme.number_format.family != "block":
        yield Trial("a scale per block of 32", {**free, "granularity": "block", "block_size": 32})
    if integer and settings.bits < 8:
        yield Trial(plural(settings.bits + 1, "bit"), {"format": _wider(settings, 1), "zero_point": None})


def _fewer(settings: Settings) -> Iterator[Trial]:
    """A bit less, where the tensor is good."""
    name = settings.format.rstrip("0123456789")
    if name in ("int", "uint") and settings.bits > 2:
        yield Trial(plural(settings.bits - 1, "bit"), {"format": _wider(settings, -1), "zero_point": None})


def _wider(settings: Settings, more: int) -> str:
    return f"{settings.format.rstrip('0123456789')}{settings.bits + more}"
