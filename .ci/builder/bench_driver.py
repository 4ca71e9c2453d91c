"""Drives Chromium for ``build.py bench``; runs in the virtual environment, which has Playwright.

Usage: python bench_driver.py ADDRESS [--json]
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from playwright.sync_api import Browser, sync_playwright

BENCH_MS = 300_000
BOOT_MS = 120_000


def main(address: str, as_json: bool) -> int:
    """Measure, print, and return the exit code."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["PLAYGROUND_CHROMIUM"], args=["--no-sandbox"])
        measured = {"first_load_ms": first_load(browser, address), **kernels(browser, address)}
        browser.close()
    if as_json:
        print(json.dumps(measured, indent=1))
    else:
        print_tables(measured)
    return 1 if "error" in measured else 0


def first_load(browser: Browser, address: str) -> dict[str, float]:
    """Stage -> milliseconds of one start with nothing cached, ``total`` as seen from outside."""
    page = browser.new_context().new_page()
    began = time.monotonic()
    page.goto(address)
    page.wait_for_function("() => window.playground && window.playground.bootTimes", timeout=BOOT_MS)
    total = (time.monotonic() - began) * 1000
    stages: dict[str, float] = page.evaluate("() => window.playground.bootTimes")
    page.context.close()
    return {**stages, "total": round(total)}


def kernels(browser: Browser, address: str) -> dict[str, Any]:
    """What ``bench.html`` leaves in ``window.benchResults``."""
    page = browser.new_context().new_page()
    page.goto(f"{address}bench.html")
    page.wait_for_function("() => window.benchResults", timeout=BENCH_MS)
    results: dict[str, Any] = page.evaluate("() => window.benchResults")
    page.context.close()
    return results


def print_tables(measured: dict[str, Any]) -> None:
    """Both results for people."""
    print("First load, nothing cached")
    for stage, milliseconds in measured["first_load_ms"].items():
        print(f"  {stage:<34}{milliseconds:>9.0f} ms")
    if "error" in measured:
        print(f"The bench page failed: {measured['error']}")
        return
    print(f"Kernels, one thread (ratio: time against ours of the same kind); relaxed dot products: {measured['dot']}")
    print(f"  {'shape':<28}{'engine':<46}{'median ms':>10}{'p95 ms':>9}{'GMAC/s':>8}{'ratio':>7}  result")
    for row in measured["results"]:
        numbers = f"{row['medianMs']:>10.2f}{row['p95Ms']:>9.2f}{row['gmacs']:>8.1f}{row['ratio']:>7.2f}"
        print(f"  {row['shape']:<28}{row['engine']:<46}{numbers}  {row['result']}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "--json" in sys.argv[2:]))
