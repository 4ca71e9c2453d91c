"""How soon the views open, for ``build.py bench --page``: from the click on a tab to what is on screen.

Each view is opened for the first time: when Python is there, 0.9 s after navigation, when it is not, and with a file of
60 million weights open.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

OPENING = Path(__file__).with_name("view_opening.js")
VIEWS = ("model", "run", "export")
SETTLED, EARLY, LARGE = "Python is there", "0.9 s after navigation", "60 million weights"
EARLY_MS = 900.0
ROUNDS = 3
MATRICES, SIDE = 15, 2000
"""Of the large model: 60 million float32 numbers, 240 MB."""

WANTED = {"painted_ms": 100.0, "complete_ms": 400.0, "shift": 0.02}
"""Of every view: medians of click to seen and click to complete, and the most that moved."""

BOOT_MS, UPLOAD_MS = 120_000, 60_000
_OPEN = "([name, at]) => viewOpening.open(name, at)"
_MOVED = "() => viewOpening.shifts.reduce((sum, { value }) => sum + value, 0)"


def measured(browser: Browser, address: str, folder: Path) -> dict[str, Any]:
    """All views in all situations.

    Args:
        browser: Chromium.
        address: of the built site.
        folder: where the large model can be written.
    """
    large = write_large(folder / "weights.npz")
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(ROUNDS):
        for situation, view, sample in _round(browser, address, large):
            found.setdefault((situation, view), []).append(sample)
            print(f"{view}, {situation}: measured", file=sys.stderr)
    rows = [_row(situation, view, samples) for (situation, view), samples in found.items()]
    return {"rows": rows, "met": all(row["met"] for row in rows)}


def write_large(path: Path) -> Path:
    """A file with 60 million weights."""
    draw = np.random.default_rng(3)
    weights: Any = {f"layer{i}": draw.standard_normal((SIDE, SIDE), np.float32) for i in range(MATRICES)}
    np.savez(path, **weights)
    return path


def _round(browser: Browser, address: str, large: Path) -> Iterator[tuple[str, str, dict[str, float]]]:
    for view in VIEWS:
        page = _fresh(browser, address)
        yield EARLY, view, _sample(page, view, EARLY_MS)
        page.context.close()
    for situation in (SETTLED, LARGE):
        page = _fresh(browser, address)
        page.wait_for_function("() => window.playground?.bootTimes", timeout=BOOT_MS)
        if situation == LARGE:
            page.locator("#open").set_input_files(large)
            page.wait_for_function("() => playground.state.model === 'upload'", timeout=UPLOAD_MS)
        page.wait_for_timeout(1500)
        for view in VIEWS:
            yield situation, view, _sample(page, view, 0)
        page.context.close()


def _fresh(browser: Browser, address: str) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.add_init_script(path=OPENING)
    page.goto(address, wait_until="domcontentloaded")
    return page


def _sample(page: Page, view: str, at: float) -> dict[str, float]:
    times = page.evaluate(_OPEN, [view, at])
    page.wait_for_timeout(700)  # what comes late moves things, too
    numbers = {f"{name}_ms": times.get(name, math.inf) for name in ("painted", "complete")}
    return numbers | {"shift": page.evaluate(_MOVED)}


def _row(situation: str, view: str, samples: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    row: dict[str, Any] = {name: median(sample[name] for sample in samples) for name in ("painted_ms", "complete_ms")}
    row["shift"] = max(sample["shift"] for sample in samples)
    met = all(row[name] <= most for name, most in WANTED.items())
    return {"view": view, "situation": situation, **row, "met": met}


def print_table(found: Mapping[str, Any]) -> None:
    """For people."""
    wanted = ", ".join(f"{name} <= {most:g}" for name, most in WANTED.items())
    print(f"\nViews, opened for the first time, medians of {ROUNDS}; wanted: {wanted}")
    print(f"  {'view':<10}{'when':<26}{'painted ms':>11}{'complete ms':>13}{'shift':>8}")
    for row in found["rows"]:
        numbers = f"{row['painted_ms']:>11.0f}{row['complete_ms']:>13.0f}{row['shift']:>8.3f}"
        print(f"  {row['view']:<10}{row['situation']:<26}{numbers}  {'met' if row['met'] else 'missed'}")
