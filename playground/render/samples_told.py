"""Whether the calibration samples are enough, in sentences, and in which measure."""

from __future__ import annotations

import math

from playground.analysis.answer_kinds import DECIBELS, SHARE
from playground.analysis.samples_curve import SQNR, SamplesCurve
from playground.errors import plural
from playground.render.compared import read_as, shown
from playground.render.numbers import digits

MORE = "more calibration data would tell more."


def sentence(curve: SamplesCurve) -> str:
    """What the curve says, with the numbers that say it."""
    last, count = curve.values[-1], curve.points[-1].samples
    others = f"on {plural(curve.held_out, 'other sample')}"
    if curve.enough is not None:
        noun, verb = ("the error", "changes") if last.name == SQNR else ("the answers", "change")
        found = f"From {plural(curve.enough, 'sample')} on {noun} hardly {verb}"
        return f"{found} ({last.name} {shown(last)} {others}): {count} are enough."
    if len(curve.points) == 1:
        return f"There is only {plural(count, 'sample')} to calibrate on ({last.name} {shown(last)} {others}): {MORE}"
    was, now = curve.change(len(curve.points) - 2) or (curve.values[-2], last)
    name, _, unit = now.name.partition(", ")
    before, after = (f"{shown(value)} {unit}".rstrip() for value in (was, now))
    change = f"{name} is {before} with {curve.points[-2].samples} and {after} with all"
    return f"With {plural(count, 'sample')} the error still changes ({change}, {others}): {MORE}"


def about(curve: SamplesCurve) -> str:
    """What was taken for the answers, why another number than theirs is shown, and what SQNR says if it differs."""
    told, name = read_as(curve.points[-1].measured), curve.values[-1].name
    if curve.silent:
        return f"{told} {name} is shown, since {curve.silent}."
    levels = [curve.points[at].measured.sqnr_db for at in (0, -1)]
    if name == SQNR or curve.enough is None or curve.enough_by_sqnr == curve.enough or math.isnan(sum(levels)):
        return told
    first, last = (f"{digits(level)} dB" for level in levels)
    change = f"from {first} with {plural(curve.points[0].samples, 'sample')} to {last} with all"
    return f"{told} {SQNR} changes {change}, which changes hardly an answer."


def drawn(curve: SamplesCurve) -> tuple[str, list[float]]:
    """What a plot's axis is called, with the unit, and each point's value in it: shares in per cent."""
    last = curve.values[-1]
    factor, unit = (100, ", %") if last.unit == SHARE else (1, ", dB") if last.unit == DECIBELS else (1, "")
    return f"{last.name}{unit}", [factor * value.value for value in curve.values]
