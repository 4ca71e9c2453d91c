"""What a moved handle costs, by mouse, touch and keys, for ``build.py bench --page``.

A gesture is 300 events at 60 a second. Measured are the time from an event to the frame that is painted after it, as a
script in the page sees it; and in a second run, by Chromium's tracing, the work of the main thread for each event, and
the layouts that scripts forced.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from playwright.sync_api import Browser, CDPSession, Page

BOOT_MS = 120_000
EVENTS, RATE = 300, 60
LARGE = (1024, 1024)
FLOOR = Path(__file__).with_name("motion_floor.html")
"""A page in which a line follows the pointer, and nothing else: what the browser itself takes."""

WANTED = {"median_ms": 17.0, "p95_ms": 33.0, "work_ms": 8.0, "layouts": 1.0}
"""Of every gesture: event to frame, median and 95th percentile; work of the main thread and forced layouts an event."""

_CATEGORIES = ["devtools.timeline", "toplevel", "disabled-by-default-devtools.timeline"]
_SCRIPTS = {"FunctionCall", "EvaluateScript", "FireAnimationFrame", "TimerFire", "EventDispatch", "v8.callFunction"}

_WATCH = """(type) => {
  const found = (window.benchFrames = []);
  const channel = new MessageChannel();
  let since = 0;
  channel.port1.onmessage = () => { found.push(performance.now() - since); since = 0; };
  window.addEventListener(type, ({ timeStamp }) => {
    if (since) return;
    since = timeStamp;
    requestAnimationFrame(() => channel.port2.postMessage(null));
  }, { capture: true });
}"""
"""The first event of a frame is timed: from its time stamp to the first task after the frame has been painted."""

SPOT = """([lo, hi]) => {
  const doc = Bokeh.documents.find((document) => document.get_model_by_name('histogram-bars'));
  const view = Bokeh.index.find_one_by_id(doc.get_model_by_name('histogram').id);
  const box = view.el.getBoundingClientRect();
  const at = (value) => box.left + view.frame.x_scale.compute(value);
  return { from: at(hi), to: at(lo), y: box.top + box.height * 0.5 };
}"""

Move = Callable[[float], None]
"""Makes one event; the argument runs from 0 to 1 and back."""


def measured(browser: Browser, address: str, folder: Path) -> dict[str, Any]:
    """All gestures on two tensors, and what a page takes that does nothing.

    Args:
        browser: Chromium.
        address: of the built site.
        folder: where a tensor of a million values can be written.
    """
    large = folder / "large.npy"
    np.save(large, np.random.default_rng(7).normal(size=LARGE).astype(np.float32))
    floors = {kind: floor(browser, kind) for kind in ("mouse", "touch")}
    rows = [row for file in (None, large) for row in _gestures(browser, address, file)]
    return {"floors": floors, "rows": rows, "met": all(row["met"] for row in rows)}


def _gestures(browser: Browser, address: str, file: Path | None) -> Iterator[dict[str, Any]]:
    """All gestures on one tensor: the first that is shown, or that of a file."""
    for name, gesture in GESTURES.items():
        frames = _run(browser, address, file, gesture, traced=False)
        costs = _run(browser, address, file, gesture, traced=True)
        numbers = frames | costs
        row = {"gesture": name, "values": math.prod(LARGE) if file else 65_536, **numbers}
        print(f"{name} on {row['values']} values: measured", file=sys.stderr)
        yield row | {"met": all(numbers[key] <= most for key, most in WANTED.items())}


def floor(browser: Browser, kind: str) -> dict[str, float]:
    """From event to frame in a page that does nothing but draw a line."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, has_touch=kind == "touch")
    page = context.new_page()
    page.set_content(FLOOR.read_text("utf-8"))
    move, end = _by_touch(page, 600, 400, 200) if kind == "touch" else _by_mouse(page, 600, 400, 200)
    found = _frames(page, move, "pointermove")
    end()
    context.close()
    return found


def _frames(page: Page, move: Move, kind: str) -> dict[str, float]:
    """The times from an event to its frame."""
    page.evaluate(_WATCH, kind)
    _act(move)
    held = sorted(page.evaluate("() => window.benchFrames"))
    return {"median_ms": median(held), "p95_ms": held[int(0.95 * len(held))], "frames": len(held)}


def _run(browser: Browser, address: str, file: Path | None, gesture: Gesture, *, traced: bool) -> dict[str, float]:
    """One gesture on a fresh page."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, has_touch=gesture is touch_handle)
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("() => window.playground?.bootTimes", timeout=BOOT_MS)
    if file:
        page.locator("#open").set_input_files(file)
        page.wait_for_function("() => playground.state.model === 'upload'")
    page.evaluate("() => playground.setState({format: 'int4', lo: -0.5, hi: 0.5})")
    page.wait_for_timeout(1500)
    move, end, kind = gesture(page)
    if traced:
        browser.start_tracing(page=page, categories=_CATEGORIES)
        _act(move)
        events = json.loads(browser.stop_tracing())["traceEvents"]
        found = costs_of(events, kind)
    else:
        found = _frames(page, move, kind)
    end()
    context.close()
    return found


def _act(move: Move) -> None:
    """The events, at their times; one that comes late does not make the later ones late."""
    began = time.perf_counter()
    for i in range(EVENTS):
        time.sleep(max(0.0, began + i / RATE - time.perf_counter()))
        move(abs(1 - 2 * i / EVENTS))


Gesture = Callable[[Page], tuple[Move, Callable[[], None], str]]
"""Takes hold of something; how it is moved and let go, and the event that a move is."""


Hold = tuple[Move, Callable[[], None]]
"""How something that is held is moved and let go."""


def _by_mouse(page: Page, x: float, y: float, span: float) -> Hold:
    page.mouse.move(x, y)
    page.mouse.down()
    return (lambda share: page.mouse.move(x + share * span, y)), page.mouse.up


def _by_touch(page: Page, x: float, y: float, span: float) -> Hold:
    session = page.context.new_cdp_session(page)
    _touch(session, "touchStart", x, y)
    return (lambda share: _touch(session, "touchMove", x + share * span, y)), lambda: _touch(session, "touchEnd")


def drag_handle(page: Page) -> tuple[Move, Callable[[], None], str]:
    """The upper clip handle, by mouse."""
    spot = page.evaluate(SPOT, [0.1, 0.5])
    return *_by_mouse(page, spot["from"], spot["y"], spot["to"] - spot["from"]), "pointermove"


def touch_handle(page: Page) -> tuple[Move, Callable[[], None], str]:
    """The upper clip handle, by a finger."""
    spot = page.evaluate(SPOT, [0.1, 0.5])
    return *_by_touch(page, spot["from"], spot["y"], spot["to"] - spot["from"]), "pointermove"


def _touch(session: CDPSession, kind: str, *place: float) -> None:
    points = [{"x": place[0], "y": place[1]}] if place else []
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def _drag_slider(page: Page, label: str) -> tuple[Move, Callable[[], None], str]:
    box = page.get_by_role("slider", name=label).last.locator("xpath=..").bounding_box()
    if box is None:
        raise RuntimeError(f"The slider {label} is not on screen.")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    return (lambda share: page.mouse.move(x - 90 * (1 - share), y)), page.mouse.up, "pointermove"


def drag_clip(page: Page) -> tuple[Move, Callable[[], None], str]:
    """The clip slider's upper end, by mouse."""
    return _drag_slider(page, "Clip")


def drag_zero_point(page: Page) -> tuple[Move, Callable[[], None], str]:
    """The zero-point's slider, by mouse."""
    return _drag_slider(page, "Zero-point")


def hold_key(page: Page) -> tuple[Move, Callable[[], None], str]:
    """The clip slider's upper end, by an arrow key that repeats."""
    page.get_by_role("slider", name="Clip").last.focus()
    session, state = page.context.new_cdp_session(page), {"key": ""}

    def move(share: float) -> None:
        key = "ArrowLeft" if share < 0.5 else "ArrowRight"
        code = {"key": key, "code": key, "windowsVirtualKeyCode": 37 if key == "ArrowLeft" else 39}
        session.send("Input.dispatchKeyEvent", {"type": "keyDown", "autoRepeat": state["key"] == key, **code})
        state["key"] = key

    def end() -> None:
        session.send("Input.dispatchKeyEvent", {"type": "keyUp", "key": state["key"], "code": state["key"]})

    return move, end, "keydown"


GESTURES: Mapping[str, Gesture] = {
    "clip handle, mouse": drag_handle,
    "clip handle, touch": touch_handle,
    "clip slider, mouse": drag_clip,
    "clip slider, key": hold_key,
    "zero-point, mouse": drag_zero_point,
}


def costs_of(events: Sequence[Mapping[str, Any]], kind: str) -> dict[str, float]:
    """Processor time of the main thread from an event to the next, and the layouts that scripts forced, an event.

    Args:
        events: Chromium's trace.
        kind: the event that a move is.
    """
    moves = [
        e for e in events if e["name"] == "EventDispatch" and e.get("args", {}).get("data", {}).get("type") == kind
    ]
    if not moves:
        return {"work_ms": math.inf, "layouts": math.inf}
    thread = (moves[0]["pid"], moves[0]["tid"])
    here = [e for e in events if (e["pid"], e["tid"]) == thread and e.get("ph") == "X"]
    starts = np.array(sorted({e["ts"] for e in moves}), np.float64)
    work = np.zeros(starts.size)
    for task in here:
        place = int(np.searchsorted(starts, task["ts"] + task["dur"], "right")) - 1
        if task["name"] == "RunTask" and place >= 0:
            work[place] += task.get("tdur", task["dur"]) / 1000
    scripts = [(e["ts"], e["ts"] + e["dur"]) for e in here if e["name"] in _SCRIPTS]
    layouts = [e["ts"] for e in here if e["name"] == "Layout" and starts[0] <= e["ts"]]
    forced = sum(any(first <= at < last for first, last in scripts) for at in layouts)
    return {"work_ms": float(np.median(work)), "layouts": forced / starts.size}


def print_table(found: Mapping[str, Any]) -> None:
    """For people."""
    wanted = ", ".join(f"{key} <= {most:g}" for key, most in WANTED.items())
    print(f"Motion: {EVENTS} events at {RATE} a second; wanted: {wanted}")
    print(f"  {'gesture':<22}{'values':>9}{'median ms':>11}{'p95 ms':>9}{'frames':>8}{'work ms':>9}{'layouts':>9}")
    for row in found["rows"]:
        times = f"{row['median_ms']:>11.1f}{row['p95_ms']:>9.1f}{row['frames']:>8}{row['work_ms']:>9.1f}"
        verdict = "met" if row["met"] else "missed"
        print(f"  {row['gesture']:<22}{row['values']:>9}{times}{row['layouts']:>9.2f}  {verdict}")
    for kind, frames in found["floors"].items():
        print(f"  an empty page, {kind}: {frames['median_ms']:.1f} ms, {frames['p95_ms']:.1f}")
