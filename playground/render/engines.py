"""The engines of a race as a table with bars: who is how fast, and whether the answers are the same."""

from __future__ import annotations

from html import escape

from playground.analysis.answer_kinds import SHARE
from playground.analysis.race import ORT_FLOAT, ORT_INT8, Lap, Race
from playground.render import html
from playground.render.compared import shown
from playground.render.numbers import digits, grouped, size, times

NOTHING = "—"
TICK, CROSS = "✓", "✗"


def engines_table(race: Race) -> str:
    """The laps in their order, and what a reader has to know about them."""
    ran = [lap for lap in race.laps if not lap.failure]
    slowest, fastest = (find((lap.median_ms for lap in ran), default=0.0) for find in (max, min))
    measure = next((lap.same.name for lap in ran if lap.same), "Same answers")
    beside = f"{measure}, beside {short(race.reference)}" if race.reference else measure
    head = ("Engine", "Median of a run", "", "95th percentile", "Memory", beside, "Largest difference")
    rows = "".join(_row(lap, race.reference, slowest, fastest) for lap in race.laps)
    titles = "".join(f"<th{' class=number' if at > 1 else ''}>{escape(title)}</th>" for at, title in enumerate(head))
    remark = f"batch of {grouped(race.batch)}, {race.runs} runs each, in turns"
    return (
        html.title("Engines", remark)
        + f'<div class="scroll"><table class="laps"><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div>'
        + (html.bullets(race.notes) if race.notes else "")
    )


def fastest(race: Race) -> str:
    """Which engine is the fastest, and by how much; where one only runs, or none, that."""
    ran = sorted((lap for lap in race.laps if not lap.failure), key=lambda lap: float(lap.median_ms))
    if len(ran) < 2:
        return "One engine runs this model." if ran else "No engine runs this model."
    first, second = ran[:2]
    ratio = times(second.median_ms / first.median_ms)
    return f"Fastest here: {short(first.engine)}, {ratio} times as fast as {short(second.engine)}."


def slower_as_int8(race: Race) -> str:
    """That ONNX Runtime takes longer for the quantized file than for the float one; empty where it does not."""
    quantized, original = race.seconds(ORT_INT8), race.seconds(ORT_FLOAT)
    if not quantized or not original or times(quantized / original) == times(1) or quantized < original:
        return ""
    ratio = times(quantized / original)
    return f"{ORT_INT8} takes {ratio} times as long as {ORT_FLOAT}: here the quantized file gains no speed in it."


def short(engine: str) -> str:
    """An engine's name in the middle of a sentence."""
    return engine[0].lower() + engine[1:] if engine.startswith("Our") else engine


def _row(lap: Lap, reference: str, slowest: float, fastest: float) -> str:
    if lap.failure:
        return f'<tr><td>{escape(lap.engine)}</td><td colspan="6">{escape(lap.failure)}</td></tr>'
    share = lap.median_ms / slowest if slowest else 0.0
    colour = "float" if lap.engine == ORT_FLOAT else "quant"
    bar = f'<i class="lap" style="width:{100 * share:.1f}%;background:var(--{colour})"></i>'
    ratio = "fastest" if lap.median_ms == fastest else f"{times(lap.median_ms / fastest)} × as long"
    cells = (
        f"{digits(lap.median_ms)} ms, {ratio}",
        f"{digits(lap.p95_ms)} ms",
        size(lap.memory) if lap.memory else NOTHING,
        _same(lap, reference),
        NOTHING if lap.engine == reference else digits(lap.largest_difference),
    )
    put = "".join(f'<td class="number">{escape(cell)}</td>' for cell in cells)
    return f'<tr><td>{escape(lap.engine)}</td><td class="bar">{bar}</td>{put}</tr>'


def _same(lap: Lap, reference: str) -> str:
    """A tick where all answers are those of the engine they are compared with; the float model may differ."""
    if lap.engine == reference or lap.same is None:
        return NOTHING
    if lap.same.unit != SHARE:
        return shown(lap.same)
    if lap.engine == ORT_FLOAT:
        return shown(lap.same)
    return f"{TICK if lap.same.value == 1 else CROSS} {shown(lap.same)}"
