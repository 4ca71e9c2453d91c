"""The built site in other engines than Chromium, where they are installed: ``apt-get install firefox-esr``, and
``webkit2gtk-driver`` with ``xvfb``."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.others.firefox import Firefox
from tests.browser.others.webkit import WebKit

STARTED_S = 280.0
"""WebKit starts Python without the snapshot, which takes it ten times as long as Chromium takes with it."""
Window = Firefox | WebKit

SEEN = """(async () => {
  const element = document.querySelector(%r);
  element.scrollIntoView({ block: "center", behavior: "instant" });
  const middle = () => {
    const box = element.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };
  const before = middle();
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const now = middle();
  const rests = now.every((value, at) => value === before[at]);
  return rests && element.contains(document.elementFromPoint(...now)) && !element.disabled ? now : null;
})()"""
"""The middle of an element; null while a click there would miss it: a view that is being drawn is not yet visible."""


def _firefox() -> Firefox | None:
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    return Firefox(program) if program else None


def _webkit() -> WebKit | None:
    driver, screen = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
    browsers = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    return WebKit(driver, str(browsers[-1])) if driver and screen and browsers else None


MADE: dict[str, Callable[[], Window | None]] = {"Firefox": _firefox, "WebKit": _webkit}


class Other:
    """A page in another engine, on the built site."""

    def __init__(self, window: Window, site: str) -> None:
        self.window, self.site = window, site
        self.evaluate = window.evaluate

    def open(self, path: str = "/") -> None:
        """Go there and wait until Python answers."""
        self.window.open(self.site + path)
        self.until("!!window.playground?.started", STARTED_S)

    def until(self, condition: str, seconds: float = 60.0) -> Any:
        """Wait for an expression to be true, and return it.

        Raises:
            AssertionError: it never was.
        """
        end = time.monotonic() + seconds
        while not (found := self.evaluate(condition)):
            assert time.monotonic() < end, f"{condition} is not true after {seconds:g} s"
            time.sleep(0.1)
        return found

    def click(self, selector: str) -> None:
        """Bring an element into sight, wait until it is seen and rests, as a person does, and click into its middle."""
        place = self.until(SEEN % selector)
        self.window.act([place])


@pytest.fixture(scope="module", params=list(MADE))
def other(request: pytest.FixtureRequest, site: str) -> Iterator[Other]:
    """One started page of a module in each engine that is installed."""
    window = MADE[request.param]()
    if window is None:
        pytest.skip(f"{request.param} is not installed; tests/README.md says how")
    try:
        made = Other(window, site)
        made.open()
        yield made
    finally:
        window.close()
