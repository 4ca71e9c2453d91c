"""Drives Chromium for ``build.py bench``; runs in the virtual environment, which has Playwright.

Usage: python bench_driver.py ADDRESS [--json]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

BENCH_MS = 300_000
BOOT_MS = 120_000
_NETS = Path(__file__).parents[1] / "tests" / "benchmarks" / "nets.py"
IN_PAGE = Path(__file__).with_name("page_bench.py")
_RUN = """(source) => {
  pyodide.FS.writeFile("/home/pyodide/page_bench.py", source);
  pyodide.pyimport("sys").path.push("/home/pyodide");
  return pyodide.pyimport("page_bench").measure();
}"""
CALL_US, SLIDER_TIMES, LAYERS_S = 10, 15, 5
"""Asked for: microseconds of a call from Python at most, how many times faster than NumPy at least, seconds that the
sensitivity of the convolutional net's layers takes at most."""


def main(address: str, as_json: bool) -> int:
    """Measure, print, and return the exit code."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["PLAYGROUND_CHROMIUM"], args=["--no-sandbox"])
        measured: dict[str, Any] = {
            "first_load_ms": first_load(browser, address),
            "python": in_python(browser, address),
        }
        measured |= kernels(browser, address)
        browser.close()
    measured["native"] = native()
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


def in_python(browser: Browser, address: str) -> dict[str, Any]:
    """What page_bench.py measures in the worker of the real page."""
    page = browser.new_context().new_page()
    page.goto(address)
    page.wait_for_function("() => window.playground && window.playground.bootTimes", timeout=BOOT_MS)
    page.evaluate("() => playground.report()")  # the packages are unpacked before that is answered
    worker = next(worker for worker in page.workers if worker.evaluate("() => 'pyodide' in self"))
    found: dict[str, Any] = json.loads(worker.evaluate(_RUN, IN_PAGE.read_text("utf-8")))
    page.context.close()
    return found


def native() -> list[dict[str, Any]]:
    """The nets under CPython: the very kernels by wasmtime, and native ONNX Runtime, on one thread (nets.py)."""
    made = subprocess.run([sys.executable, _NETS, "--json"], check=True, capture_output=True, text=True)
    rows: list[dict[str, Any]] = json.loads(made.stdout)
    return rows


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
    print_python(measured["python"])
    print_native(measured["native"])
    if "error" in measured:
        print(f"The bench page failed: {measured['error']}")
        return
    print(f"Kernels, one thread (ratio: time against ours of the same kind); relaxed dot products: {measured['dot']}")
    print(f"  {'shape':<44}{'engine':<46}{'median ms':>10}{'p95 ms':>9}{'GMAC/s':>8}{'ratio':>7}  result")
    for row in measured["results"]:
        numbers = f"{row['medianMs']:>10.2f}{row['p95Ms']:>9.2f}{row['gmacs']:>8.1f}{row['ratio']:>7.2f}"
        print(f"  {row['shape']:<44}{row['engine']:<46}{numbers}  {row['result']}")
    print("Targets, on this machine")
    for row in measured["targets"]:
        verdict = "; ".join(["met" if row["met"] else "missed", *filter(None, [row.get("note")])])
        print(f"  {row['what']:<90}{row['found']:>8.2f} >= {row['wanted']:<6}{verdict}")


def print_native(rows: Sequence[Mapping[str, Any]]) -> None:
    """The nets under CPython."""
    print("Nets under CPython, one thread: our kernels by wasmtime, native ONNX Runtime (ratio: its time against ours)")
    for row in rows:
        times = "".join(f"{row[f'{which}_ms']:>11.3f}" for which in ("ours", "qdq", "float"))
        ratios = f"{row['qdq_ms'] / row['ours_ms']:>7.2f}{row['float_ms'] / row['ours_ms']:>7.2f}"
        print(f"  {row['net'] + ', batch ' + str(row['batch']):<28}ours, QDQ, float {times} ms{ratios}")


def print_python(found: Mapping[str, Any]) -> None:
    """Kernels called from Python, in the page."""
    call, slider = found["call"], found["slider"]
    where = "in place" if call["in_place"] else "COPIED"
    print(f"Kernels called from Python in the page; relaxed dot products: {found['dot']}")
    for name, microseconds in call["microseconds"].items():
        verdict = ("met" if microseconds <= CALL_US else "missed") if name == "call" else ""
        wanted = f"<= {CALL_US} us, 1 MiB {where}  {verdict}" if name == "call" else ""
        print(f"  {name:<34}{microseconds:>9.2f} us  {wanted}")
    ratio = slider["numpy_ms"] / slider["kernels_ms"]
    print(f"  {'a slider step, 1M floats':<34}{slider['kernels_ms']:>9.2f} ms  NumPy {slider['numpy_ms']:.2f} ms")
    same = "results agree" if slider["agree"] else "RESULTS DIFFER"
    print(f"  {'':<34}{ratio:>9.1f} x >= {SLIDER_TIMES}  {'met' if ratio >= SLIDER_TIMES else 'missed'}; {same}")
    layers = found["sensitivity"]
    verdict = "met" if layers["seconds"] <= LAYERS_S else "missed"
    what = f"which layer hurts, {layers['samples']} samples"
    print(f"  {what:<34}{layers['seconds']:>9.2f} s  <= {LAYERS_S} s  {verdict}; {layers['worst']}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "--json" in sys.argv[2:]))
