"""Drives Chromium for ``build.py shots --moving``: the README's picture, in which a person moves things.

Usage: python -m tools.moving_picture ADDRESS FILE
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tools.motion_bench import SPOT
from tools.shots_driver import BOOT_MS

WINDOW = {"width": 1180, "height": 740}
SCALE = 0.75
"""Pixels of the picture for one of the page."""

QUALITY = 72
LONG_MS, SHORT_MS = 1300, 90
"""How long a frame stays: one to read, one of a movement."""

HIGH, LOW = 1.9, 0.4
"""From where to where the upper handle is dragged; the largest weight is 1.97."""

_POINTER = Path(__file__).with_name("moving_pointer.js")

Frame = tuple[bytes, int]
"""A PNG, and how long it stays in milliseconds."""


def frames(page: Page) -> Iterator[Frame]:
    """What the picture shows: fewer bits, a handle that is dragged, a scale per channel."""
    yield from _set(page, {"format": "int8"}, LONG_MS)
    for bits in (7, 6, 5, 4):
        yield from _set(page, {"format": f"int{bits}"}, 350)
    yield from _set(page, {"format": "int3"}, LONG_MS)
    yield from _set(page, {"lo": -0.4, "hi": HIGH}, SHORT_MS)
    yield from _dragged(page)
    yield from _set(page, {"lo": None, "hi": None, "granularity": "channel"}, 2 * LONG_MS)


def _set(page: Page, changes: dict[str, object], stays: int) -> Iterator[Frame]:
    page.evaluate("(changes) => playground.setState(changes)", changes)
    page.wait_for_timeout(400)
    yield page.screenshot(), stays


def _dragged(page: Page) -> Iterator[Frame]:
    """The upper clip handle is taken to the left, where the error is least, and let go."""
    spot = page.evaluate(SPOT, [HIGH, LOW])
    start, end, y = spot["to"], spot["from"], spot["y"]
    page.mouse.move(start, y)
    page.mouse.down()
    for step in range(1, 19):
        page.mouse.move(start + (end - start) * step / 18, y)
        page.wait_for_timeout(60)
        yield page.screenshot(), SHORT_MS
    page.mouse.up()
    page.wait_for_timeout(500)
    yield page.screenshot(), LONG_MS


def write(taken: list[Frame], path: Path) -> None:
    """One WebP of all frames, in a loop."""
    size = (round(WINDOW["width"] * SCALE), round(WINDOW["height"] * SCALE))
    images = [Image.open(io.BytesIO(png)).convert("RGB").resize(size, Image.Resampling.LANCZOS) for png, _ in taken]
    stays = [duration for _, duration in taken]
    images[0].save(path, save_all=True, append_images=images[1:], duration=stays, loop=0, quality=QUALITY, method=6)


def main(address: str, file: str) -> None:
    """Take the frames and write the picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["PLAYGROUND_CHROMIUM"], args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW, color_scheme="light")  # type: ignore[arg-type]
        page.goto(address)
        page.wait_for_function("() => window.playground?.bootTimes", timeout=BOOT_MS)
        page.evaluate(_POINTER.read_text(encoding="utf-8"))
        write(list(frames(page)), Path(file))
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
