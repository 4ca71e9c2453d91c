"""Drives the built site for ``build.py bench --page``: what a hand moves, how soon views open, what grows in long use.

Usage: python -m tools.page_driver ADDRESS all|drag|views|soak [--json]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tools import motion_bench, soak, views_bench

Part = Callable[[Browser, str, Path], Any]
PARTS: Mapping[str, tuple[Part, Callable[[Any], None]]] = {
    "drag": (motion_bench.measured, motion_bench.print_table),
    "views": (views_bench.measured, views_bench.print_table),
    "soak": (lambda browser, address, _folder: soak.measured(browser, address, soak.Use()), soak.print_table),
}
"""How each part is measured, and printed."""


def main(address: str, asked: str, as_json: bool) -> int:
    """Measure, print, and return the exit code: 1 if a target is missed."""
    found = {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=os.environ["PLAYGROUND_CHROMIUM"], args=["--no-sandbox"])
        for name, (measure, print_table) in PARTS.items():
            if asked in ("all", name):
                found[name] = measure(browser, address, Path(folder))
                if not as_json:
                    print_table(found[name])
        browser.close()
    if as_json:
        print(json.dumps(found, indent=1))
    return 0 if all(part["met"] for part in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], "--json" in sys.argv[3:]))
