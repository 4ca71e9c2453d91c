"""Time by step: a table of the steps that take most of it, and sentences on why integers are or are not faster here."""

from __future__ import annotations

from playground.engines.profile import INTEGERS, KERNELS, NUMPY, Profile, StepTime
from playground.render.numbers import digits, percent, times

HEAD = ("Step", "Time", "Share", "Multiply-adds", "A second", "Operators", "By")
FEW = 12
"""Steps that a table lists: the rest is one row."""

LEAST_SHARE = 0.01
"""A share of the time below which a step is too short to tell how fast it is."""

_MANY = 1 / 3
"""A share of the time that is worth a sentence."""


def rows(profile: Profile, most: int = FEW) -> list[tuple[str, ...]]:
    """The steps that take the most time, the longest first, and one row for all others."""
    ordered = sorted(profile.steps, key=lambda step: -step.seconds)
    shown = [_row(step, profile.apart) for step in ordered[:most]]
    rest = ordered[most:]
    if not rest:
        return shown
    by = " and ".join(sorted({step.by for step in rest}))
    work = sum(step.operations for step in rest)
    others = StepTime(f"{len(rest)} others", "", sum(step.seconds for step in rest), work, by)
    return [*shown, _row(others, profile.apart)]


def _row(step: StepTime, whole: float) -> tuple[str, ...]:
    share = percent(step.seconds / whole) if whole else "—"
    rate = _rate(step) if step.seconds >= LEAST_SHARE * whole else "—"
    return (step.node, milliseconds(step.seconds), share, count(step.operations), rate, step.op, step.by)


def milliseconds(seconds: float) -> str:
    """A time with its unit."""
    return f"{digits(1000 * seconds)} ms"


def count(operations: int) -> str:
    """Multiply-adds with their unit; a dash for none."""
    if not operations:
        return "—"
    return f"{digits(operations / 1e6)} M" if operations < 1e9 else f"{digits(operations / 1e9)} G"


def _rate(step: StepTime) -> str:
    return f"{digits(step.operations / step.seconds / 1e9)} G" if step.operations and step.seconds else "—"


def sentences(
    profile: Profile, quantized: float | None = None, original: float | None = None, ours: float | None = None
) -> list[str]:
    """What takes the time, and so why our kernels are or are not faster here.

    Args:
        profile: of the quantized model.
        quantized: seconds that ONNX Runtime takes for a run of the same file, if that is known.
        original: likewise of the float model.
        ours: seconds that our kernels take, where they were timed beside these; None: those of the profile.
    """
    time_share, work_share = profile.share(*KERNELS)
    inside = f"{percent(time_share)} of the time"
    if profile.operations:
        integers = f"{percent(profile.share(INTEGERS)[1])} as int8"
        inside = f"{percent(work_share)} of the {count(profile.operations)} multiply-adds ({integers}) and {inside}"
    reason = f"{_comparison(ours or profile.seconds, quantized, original)}{_reason(profile)}"
    return [reason[:1].upper() + reason[1:], f"In our kernels: {inside}."]


def _comparison(ours: float, quantized: float | None, original: float | None) -> str:
    """How many times faster or slower, in front of the reason."""
    pairs = [(quantized, "ONNX Runtime with the same file"), (original, "ONNX Runtime with the float model")]
    told = [_times(theirs / ours, name) for theirs, name in pairs if theirs and ours]
    return f"Our kernels are {' and '.join(told)}: " if told else ""


def _times(ratio: float, name: str) -> str:
    return f"{times(ratio)} times as fast as {name}" if ratio >= 1 else f"{times(1 / ratio)} times as slow as {name}"


def _reason(profile: Profile) -> str:
    numpy, _ = profile.share(NUMPY)
    if numpy > _MANY:
        slow = max((step for step in profile.steps if step.by == NUMPY), key=lambda step: step.seconds)
        return (
            f"{percent(numpy)} of the time is spent in NumPy, most of it on {slow.node} ({slow.op}), for which there is"
            " no kernel."
        )
    products = [step for step in profile.steps if step.operations]
    spent, work = sum(step.seconds for step in products), sum(step.operations for step in products)
    share = spent / profile.apart if profile.apart else 0.0
    if not products or share < 1 - _MANY:
        return f"{percent(1 - share)} of the time goes to steps without multiply-adds, where codes only save memory."
    return f"products take {percent(share)} of the time, at {digits(work / spent / 1e9)} G multiply-adds a second."
