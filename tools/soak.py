"""What grows in long use of the page, for ``build.py bench --page``: DOM nodes, listeners, JavaScript's heap.

Counted is after the first opening of all views, and after each part of the use; garbage is collected first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from playwright.sync_api import Browser, CDPSession, Page

from playground import gallery

MOST_GROWTH = 1.2
BOOT_MS, WORK_MS = 120_000, 120_000
VIEWS = ("tensor", "model", "run", "export")
COUNTED = {"Nodes": "DOM nodes", "JSEventListeners": "listeners", "JSHeapUsedSize": "JS heap, bytes"}
"""Chromium's name -> ours."""

KILL = "() => document.getElementById('engine').contentWindow.playgroundWorker.terminate()"
_SETTINGS = """async (changes) => { for (const change of changes) await playground.setState(change); }"""


@dataclass(frozen=True, slots=True)
class Use:
    """How often each thing is done."""

    settings: int = 1000
    uploads: int = 30
    quantizations: int = 30
    kills: int = 10


def counts(page: Page, devtools: CDPSession) -> dict[str, float]:
    """What there is of each kind once garbage is collected; toasts, which leave by themselves, are taken away first."""
    page.evaluate("() => document.getElementById('toasts').replaceChildren()")
    page.wait_for_timeout(500)
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    found = {metric["name"]: metric["value"] for metric in devtools.send("Performance.getMetrics")["metrics"]}
    return {ours: float(found[theirs]) for theirs, ours in COUNTED.items()}


def open_views(page: Page) -> None:
    """Open each view, and leave the first on screen."""
    for name in (*VIEWS, VIEWS[0]):
        page.locator(f"#tab-{name}").click()
        page.wait_for_function("(name) => playground.state.view === name", arg=name)
        page.wait_for_timeout(300)


def change_settings(page: Page, count: int, rng: np.random.Generator) -> None:
    """So many changes of the Tensor view's settings, each awaited."""
    changes = []
    for _ in range(count):
        extent = float(rng.uniform(0.02, 0.4))
        changes.append(
            {
                "format": f"int{rng.integers(2, 9)}",
                "symmetric": bool(rng.random() < 0.5),
                "granularity": "tensor" if rng.random() < 0.5 else "channel",
                "lo": -extent,
                "hi": extent,
                "zoom": bool(rng.random() < 0.5),
                "zero_point": None,
            }
        )
    for start in range(0, count, 50):
        page.evaluate(_SETTINGS, changes[start : start + 50])


def upload(page: Page, count: int, model: bytes) -> None:
    """Open so many files, through the page's own chooser."""
    for at in range(count):
        name = f"soak-{at}.onnx"
        page.set_input_files("#open", {"name": name, "mimeType": "application/octet-stream", "buffer": model})
        page.wait_for_function("(n) => document.getElementById('opened-name').textContent === n", arg=name)


def quantize(page: Page, count: int) -> None:
    """Quantize so often, with other weights each time, and look at the Model and the Run view."""
    page.evaluate("() => playground.reset()")
    for at in range(count):
        page.evaluate("(weights) => playground.setState({ weights })", "int4" if at % 2 else "int8")
        page.locator("#tab-model").click()
        page.evaluate("() => playground.quantize()")
        page.locator("#tab-run").click()
        page.wait_for_function(
            "() => /say|says/.test(document.getElementById('pad-hint').textContent)", timeout=WORK_MS
        )


def kill(page: Page, count: int) -> None:
    """End Python's worker so often, and wait for the next one."""
    before = page.evaluate("() => performance.getEntriesByName('restart').length")
    for at in range(1, count + 1):
        page.evaluate(KILL)
        page.wait_for_function(
            "(count) => performance.getEntriesByName('restart').length >= count", arg=before + at, timeout=BOOT_MS
        )
        page.evaluate("() => playground.ready")
        page.evaluate("() => playground.setState({ zoom: !playground.state.zoom })")  # answered, so that it has lived


def soak(page: Page, use: Use, model: bytes, tell: Callable[[str, Mapping[str, float]], None]) -> dict[str, float]:
    """Use the page; what each count has grown by, as a ratio.

    Args:
        page: on the built site, booted.
        use: how often what is done.
        model: an ONNX file that is opened.
        tell: is told the counts after each part.
    """
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    devtools.send("HeapProfiler.enable")
    rng = np.random.default_rng(20260101)
    open_views(page)
    first = counts(page, devtools)
    tell("all views opened", first)
    parts: dict[str, Callable[[], None]] = {
        f"{use.settings} settings": lambda: change_settings(page, use.settings, rng),
        f"{use.uploads} uploads": lambda: upload(page, use.uploads, model),
        f"{use.quantizations} quantizations": lambda: quantize(page, use.quantizations),
        f"{use.kills} kills": lambda: kill(page, use.kills),
    }
    last = first
    for name, part in parts.items():
        part()
        page.evaluate("() => playground.reset()")
        open_views(page)
        last = counts(page, devtools)
        tell(name, last)
    return {name: last[name] / first[name] for name in first}


def measured(browser: Browser, address: str, use: Use) -> dict[str, Any]:
    """The counts after each part, and what each has grown by, as a ratio."""
    rows: list[dict[str, Any]] = []

    def tell(part: str, found: Mapping[str, float]) -> None:
        rows.append({"after": part, **found})
        print(f"{part}: counted", file=sys.stderr)

    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.goto(address)
    page.wait_for_function("() => window.playground && window.playground.bootTimes", timeout=BOOT_MS)
    grown = soak(page, use, gallery.model_bytes("digits-convnet"), tell)
    page.close()
    return {"rows": rows, "grown": grown, "met": all(ratio <= MOST_GROWTH for ratio in grown.values())}


def print_table(found: Mapping[str, Any]) -> None:
    """For people."""
    print(f"\nLong use; nothing may grow by more than {MOST_GROWTH - 1:.0%}")
    print(f"  {'after':<24}" + "".join(f"{name:>18}" for name in COUNTED.values()))
    for row in found["rows"]:
        print(f"  {row['after']:<24}" + "".join(f"{row[name]:>18,.0f}" for name in COUNTED.values()))
    grown = "".join(f"{ratio:>18.2f}" for ratio in found["grown"].values())
    print(f"  {'grown, times':<24}{grown}  {'met' if found['met'] else 'missed'}")
