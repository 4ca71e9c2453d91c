"""Drives Chromium for ``build.py bench --cold``: stages of starts, interleaved so that noise affects all alike.

Runs in the virtual environment, which has Playwright. Usage: python cold_bench.py ADDRESS BASELINE RUNS [--json], where
BASELINE is the same site with packages that are not compiled (baseline.py).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, BrowserContext, sync_playwright

START_MS = 180_000
KEPT_MS = 180_000
_TRANSFERRED = "() => performance.getEntriesByType('resource').reduce((sum, entry) => sum + entry.transferSize, 0)"
WINDOW = {"width": 1280, "height": 860}
PROBE = Path(__file__).with_name("cold_probe.js")

SOURCES, PLAIN = "plain start, .py files", "plain start"
COLD, SECOND = "snapshot, first visit", "snapshot, second visit"
STARTS = (SOURCES, PLAIN, COLD, SECOND)
STAGES = {
    "view": "first view painted",
    "slider": "slider moved, picture drawn by the page",
    "python": "Python has answered the moved slider",
}
"""What cold_probe.js notes -> what it is, in ms since navigation."""

Sample = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Target:
    """What issue 3 asks of a start.

    Attributes:
        start: one of :data:`STARTS`.
        stage: a key of a sample.
        most: the largest median that will do.
    """

    start: str
    stage: str
    most: float


TARGETS = (
    Target(COLD, "view", 1200),
    Target(COLD, "slider", 1600),
    Target(COLD, "python", 2500),
    Target(COLD, "shift", 0.02),
    Target(COLD, "bytes", 22e6),
    Target(SECOND, "python", 1800),
)
SETTLED_MS = 2000
"""How long a new window is left alone before it is sent to the page: the browser goes on loading parts of its own then,
in a fifth of the processors' time that the start takes. Whoever visits a page has opened their browser before."""

SOONER = 5.0
"""How much sooner Python answers from the snapshot than after a plain start from ``.py`` files, at least."""


def main(address: str, baseline: str, runs: int, as_json: bool) -> int:
    """Measure and print; the exit code is 0 whether the targets are met or not, since the machine decides that too."""
    samples: dict[str, list[Sample]] = {start: [] for start in STARTS}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["PLAYGROUND_CHROMIUM"], args=["--no-sandbox"])
        for _ in range(runs):
            for start, sample in one_round(browser, address, baseline).items():
                samples[start].append(sample)
        browser.close()
    summary = summarize(samples)
    print(json.dumps({**summary, "samples": samples}, indent=1) if as_json else table(summary, runs))
    return 0


def one_round(browser: Browser, address: str, baseline: str) -> dict[str, Sample]:
    """One start of each kind; all but the last with nothing cached."""
    with browser.new_context(viewport=WINDOW) as context:  # type: ignore[arg-type]
        sources = visit(context, f"{baseline}?snapshot=0")
    with browser.new_context(viewport=WINDOW) as context:  # type: ignore[arg-type]
        plain = visit(context, f"{address}?snapshot=0")
    with browser.new_context(viewport=WINDOW) as context:  # type: ignore[arg-type]
        cold = visit(context, f"{address}?snapshot=1", kept=True)
        return {SOURCES: sources, PLAIN: plain, COLD: cold, SECOND: visit(context, f"{address}?snapshot=1")}


def visit(context: BrowserContext, address: str, *, kept: bool = False) -> Sample:
    """Start the page in a tab, press a key on the Bits slider as soon as it works, and tell what came when.

    Args:
        context: a profile.
        address: the page.
        kept: wait until the service worker has kept everything, after the measurement.
    """
    page = context.new_page()
    page.add_init_script(path=PROBE)
    page.wait_for_timeout(SETTLED_MS)
    page.goto(address, wait_until="commit")
    page.wait_for_function("() => window.coldProbe?.hold()", timeout=START_MS)
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => coldProbe.done()", timeout=START_MS)
    sample: dict[str, float] = page.evaluate("() => coldProbe.tell()")
    for worker in page.workers:
        if "fetcher" in worker.url:
            sample["bytes"] += worker.evaluate(_TRANSFERRED)
    if kept:
        page.wait_for_function("() => document.documentElement.dataset.offline === 'ready'", timeout=KEPT_MS)
    page.close()
    return sample


def summarize(samples: Mapping[str, Sequence[Sample]]) -> dict[str, Any]:
    """Medians of each start, how much sooner Python answers than after a plain start, and the targets.

    Args:
        samples: start -> what was noted in each run.

    Returns:
        ``medians`` (start -> stage -> value), ``sooner`` (start -> median of the rounds' own ratios) and ``targets``
        (one dict each: the fields of :class:`Target`, ``median`` and ``met``).

    Raises:
        ValueError: there are not as many starts from ``.py`` files as others.
    """
    stages = [*STAGES, "bytes", "shift"]
    medians = {
        start: {stage: median(sample[stage] for sample in rows) for stage in stages} for start, rows in samples.items()
    }
    sooner = {
        start: median(
            plain["python"] / sample["python"] for plain, sample in zip(samples[SOURCES], samples[start], strict=True)
        )
        for start in (PLAIN, COLD, SECOND)
    }
    targets = []
    for target in TARGETS:
        found = medians[target.start][target.stage]
        targets.append({**asdict(target), "median": found, "met": found <= target.most})
    return {"medians": medians, "sooner": sooner, "targets": targets}


def table(summary: Mapping[str, Any], runs: int) -> str:
    """The summary for people."""
    medians = summary["medians"]
    lines = [f"Starts in Chromium, milliseconds since navigation, medians of {runs} interleaved rounds"]
    lines.append(f"  {'':<42}" + "".join(f"{start:>24}" for start in STARTS))
    for stage, title in STAGES.items():
        lines.append(f"  {title:<42}" + "".join(f"{medians[start][stage]:>24.0f}" for start in STARTS))
    lines.append(f"  {'megabytes transferred':<42}" + "".join(f"{medians[s]['bytes'] / 1e6:>24.1f}" for s in STARTS))
    lines.append(f"  {'sum of layout shifts':<42}" + "".join(f"{medians[s]['shift']:>24.3f}" for s in STARTS))
    lines.append(
        f"The plain starts are ?snapshot=0. What the site offers is byte-compiled ({PLAIN}); ratios are to {SOURCES}."
    )
    lines.append("Targets of issue 3")
    for row in summary["targets"]:
        verdict = "met" if row["met"] else "missed"
        what = f"{row['start']}: {STAGES.get(row['stage'], row['stage'])}"
        lines.append(f"  {what:<64}{row['median']:>12.6g} <= {row['most']:<10.6g}{verdict}")
    ratio = summary["sooner"][COLD]
    what, verdict = f"{COLD}: Python answers sooner than {SOURCES}", "met" if ratio >= SOONER else "missed"
    lines.append(f"  {what:<64}{f'{ratio:.2f} x':>12} >= {SOONER:<10.6g}{verdict}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), "--json" in sys.argv[4:]))
