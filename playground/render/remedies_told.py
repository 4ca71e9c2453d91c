"""Remedies that were tried, as rows of a table and in sentences: for the page's card and for reports."""

from __future__ import annotations

from playground.analysis.improvement import Improvement, Trial
from playground.errors import plural
from playground.render.numbers import digits, size

HEAD = ("Remedy", "Loss", "Gain", "More bytes", "Gain per kB")


def trials(found: Improvement) -> dict[str, Trial]:
    """Name -> each remedy that gains, the best combination first."""
    return {trial.name: trial for trial in (*filter(None, [found.best]), *found.listed)}


def row(trial: Trial) -> tuple[str, ...]:
    """Its name and numbers, in the order of :data:`HEAD`."""
    per_kb = "free" if trial.gain_per_kb is None else digits(trial.gain_per_kb) if trial.gain > 0 else "—"
    more = f"{'−' if trial.bytes < 0 else ''}{size(abs(trial.bytes))}"
    return trial.name, digits(trial.measured.loss), digits(trial.gain), more, per_kb


def rows(found: Improvement) -> list[tuple[str, ...]]:
    """All that were tried: the best combination, those that gain, then those that gain nothing, the nearest first."""
    idle = sorted(found.idle, key=lambda trial: -trial.gain)
    return [row(trial) for trial in (*trials(found).values(), *idle)]


def failures(found: Improvement) -> list[str]:
    """Those that could not be tried with the reason, a sentence each."""
    return [f"Not possible: {name}: {reason}." for name, reason in found.failed.items()]


def does(trial: Trial) -> str:
    """What it changes, a sentence for each remedy."""
    return " ".join(remedy.summary for remedy in trial.remedies)


def measured_on(found: Improvement) -> str:
    """What the loss is, and of which samples."""
    loss = f"The loss is {found.before.loss_name}: {digits(found.before.loss)} without a remedy."
    return f"{loss} Measured on {plural(found.samples, 'sample')}: {found.told}."


def others(found: Improvement) -> list[str]:
    """Those that gain nothing, and those that could not be tried with the reason; a sentence each."""
    told = [f"No gain: {', '.join(found.useless)}."] if found.useless else []
    return told + failures(found)
