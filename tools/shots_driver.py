"""Drives Chromium for ``build.py shots``; runs in the virtual environment, which has Playwright.

Usage: python -m tools.shots_driver ADDRESS FOLDER [STATE]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Route, sync_playwright

WIDTHS: Mapping[int, int] = {360: 740, 768: 1024, 1280: 800, 1920: 1080, 3840: 2160}
"""Widths of the window -> heights, in CSS pixels."""

THEMES = ("light", "dark")
BOOT_MS, WORK_MS = 120_000, 180_000
AT_REST_MS = 450
"""Milliseconds after a change of size or theme."""


def _nothing(_page: Page) -> None:
    """The state is that of the page as it was opened."""


def _tab(name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.locator(f"#tab-{name}").click()

    return act


def _channels(page: Page) -> None:
    page.locator("#tab-tensor").click()
    page.evaluate("() => playground.setState({granularity: 'channel', format: 'int4'})")


def _list(page: Page) -> None:
    _open_sheet(page)
    page.locator("#slot-tensor-controls").get_by_role("combobox", name="Format", exact=True).press("Enter")


def _open_sheet(page: Page) -> None:
    page.locator("#tab-tensor").click()
    if page.locator("#view-tensor .chips").is_visible():
        page.locator("#view-tensor .chips").click()


def _menu(page: Page) -> None:
    page.locator("#menu-button").click()


def _failure(page: Page) -> None:
    page.set_input_files("#open", files={"name": "broken.onnx", "mimeType": "", "buffer": b"not a model"})
    page.locator(".toast.bad").wait_for()


def _table(page: Page) -> None:
    page.locator("#tab-tensor").click()
    page.locator("#view-tensor .big .as-table").press("Enter")


def _quantized(page: Page) -> None:
    page.locator("#tab-model").click()
    page.locator("#quantize").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.toast')].some((toast) => toast.textContent.includes('Quantized'))",
        timeout=WORK_MS,
    )


def _worst(page: Page) -> None:
    page.locator("#tab-model").click()
    page.locator("#sensitivity").click()
    page.wait_for_function("() => document.getElementById('job').hidden", timeout=WORK_MS)


def _compared(page: Page) -> None:
    _quantized(page)
    page.locator("#inventory-card [data-compare-quantized]").click()
    page.locator("#comparison").wait_for()


def _answer(page: Page) -> None:
    page.locator("#tab-run").click()
    page.locator("#pad-next").click()
    page.wait_for_function("() => playgroundStart.client.silentFor() === 0", timeout=WORK_MS)


STATES: Mapping[str, Callable[[Page], None]] = {
    "tensor": _nothing,
    "tensor-channels": _channels,
    "tensor-controls": _open_sheet,
    "list": _list,
    "menu": _menu,
    "plot-table": _table,
    "message": _failure,
    "model": _tab("model"),
    "model-quantized": _quantized,
    "model-layers": _worst,
    "model-compared": _compared,
    "run": _answer,
    "export": _tab("export"),
}
"""State -> how it is reached from the page as it opens. ``starting`` is another one: Python has not come yet."""

STARTING = "starting"


@contextmanager
def _page(browser: Browser, width: int, theme: str) -> Iterator[Page]:
    size = {"width": width, "height": WIDTHS[width]}
    context = browser.new_context(viewport=size, color_scheme=theme, service_workers="block")  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


def _never(_route: Route) -> None:
    """A request that is not answered."""


def take(browser: Browser, address: str, folder: Path, only: str) -> None:
    """Take all pictures whose state has ``only`` in its name, into ``folder``."""
    for width in WIDTHS:
        for theme in THEMES:
            with _page(browser, width, theme) as page:
                page.goto(address)
                page.wait_for_function("() => window.playground?.bootTimes", timeout=BOOT_MS)
                for state, act in STATES.items():
                    if only in state:
                        page.evaluate("() => document.getElementById('toasts').replaceChildren()")
                        act(page)
                        _shoot(page, folder / f"{state}-{width}-{theme}.png")
                        page.keyboard.press("Escape")
            if only in STARTING:
                with _page(browser, width, theme) as page:
                    page.route("**/worker*.js*", _never)
                    page.goto(address)
                    page.wait_for_function("() => performance.getEntriesByName('first view').length")
                    _shoot(page, folder / f"{STARTING}-{width}-{theme}.png")


def _shoot(page: Page, path: Path) -> None:
    page.wait_for_timeout(AT_REST_MS)
    page.screenshot(path=path)
    wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    print(f"{path.name}{f': {wide} pixels too wide' if wide > 0 else ''}", flush=True)


def main(address: str, folder: str, only: str = "") -> None:
    """Take the pictures."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["PLAYGROUND_CHROMIUM"], args=["--no-sandbox"])
        take(browser, address, Path(folder), only)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
