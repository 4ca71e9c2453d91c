"""Drives Chromium for ``build.py bench --models``: real models in the page, ours beside ONNX Runtime Web.

Each is quantized natively (int8, static, ranges from its calibration samples) and runs on one held-out sample in the
worker of the real page. Usage: python -m tools.models_bench ADDRESS [--json] [--only NAME]
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import sys
import time
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Worker, sync_playwright

import playground
from playground.analysis.race import ORT_FLOAT, ORT_INT8
from playground.errors import PlaygroundError
from tools.bench_driver import BOOT_MS
from tools.real_models import wheels
from tools.real_models.__main__ import chosen
from tools.real_models.catalogue import CALIBRATION, HELD_OUT, RealModel

IN_PAGE = Path(__file__).with_name("models_in_page.py")
_WRITE = """({name, content}) => {
  pyodide.FS.writeFile(`/home/pyodide/${name}`, Uint8Array.from(atob(content), (c) => c.charCodeAt(0)));
}"""
_MEASURE = """() => {
  const path = pyodide.pyimport("sys").path;
  if (!path.includes("/home/pyodide")) path.push("/home/pyodide");
  return pyodide.pyimport("models_in_page").measure();
}"""


def main(arguments: list[str]) -> int:
    """Measure and print; the exit code."""
    parser = argparse.ArgumentParser(prog="models_bench")
    parser.add_argument("address")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only")
    options = parser.parse_args(arguments)
    models = chosen(options.only)
    wheels.fetch(dict.fromkeys(model.package for model in models))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["PLAYGROUND_CHROMIUM"], args=["--no-sandbox"])
        rows = [measured(browser, options.address, model) for model in models]
        browser.close()
    print(json.dumps(rows, indent=1) if options.json else table(rows))
    return 0


def measured(browser: Browser, address: str, model: RealModel) -> dict[str, Any]:
    """What models_in_page.py finds of a model, in a page of its own; ``error`` where it cannot run."""
    print(f"{time.strftime('%H:%M:%S')} {model.id}", file=sys.stderr, flush=True)
    page = browser.new_context().new_page()
    try:
        quantized = playground.quantize_model(playground.load(model.path), None, model.feeds(CALIBRATION)).onnx
        feeds = io.BytesIO()
        np.savez(feeds, **model.feeds(HELD_OUT)[0])  # type: ignore[arg-type]  # its only keyword is an array name too
        files = {"float.onnx": model.path.read_bytes(), "quantized.onnx": quantized, "feeds.npz": feeds.getvalue()}
        page.goto(address)
        page.wait_for_function("() => window.playground && window.playground.bootTimes", timeout=BOOT_MS)
        page.evaluate("() => playground.report()")  # the packages are unpacked before that is answered
        worker = next(worker for worker in page.workers if worker.evaluate("() => 'pyodide' in self"))
        for name, content in {"models_in_page.py": IN_PAGE.read_bytes(), **files}.items():
            _write(worker, name, content)
        found: dict[str, Any] = json.loads(worker.evaluate(_MEASURE))
    except PlaygroundError as error:
        return {"model": model.id, "error": str(error)}
    except Exception as error:  # the page's own errors are Playwright's
        return {"model": model.id, "error": str(error).split("\n", maxsplit=1)[0]}
    finally:
        page.context.close()
    return {"model": model.id, **found}


def _write(worker: Worker, name: str, content: bytes) -> None:
    worker.evaluate(_WRITE, {"name": name, "content": base64.b64encode(content).decode()})


def table(rows: list[dict[str, Any]]) -> str:
    """All models as text, and how many are faster than the faster of ONNX Runtime Web's two."""
    lines = [f"{'model':<36}{'MMAC':>8}{'kernels':>9}{'int8':>7}{'ours':>9}{'QDQ':>9}{'float':>9}{'ratio':>7}"]
    lines[0] += f"{'ours float':>12}{'ratio':>7}"
    ratios, floats = [], []
    for row in rows:
        if "ours" not in row:
            lines.append(f"{row['model']:<36}{row.get('error') or '; '.join(row['notes'])}")
            continue
        theirs = {name: 1000 * (seconds or float("nan")) for name, seconds in row["theirs"].items()}
        ratios.append(float(np.nanmin([*theirs.values()])) / row["ours"])
        floats.append(theirs[ORT_FLOAT] / row["ours_float"])
        lines.append(
            f"{row['model']:<36}{row['operations'] / 1e6:>8.1f}{100 * row['in_kernels']:>8.1f}%"
            f"{100 * row['in_integers']:>6.0f}%{row['ours']:>9.2f}{theirs[ORT_INT8]:>9.2f}{theirs[ORT_FLOAT]:>9.2f}"
            f"{ratios[-1]:>7.2f}{row['ours_float']:>12.2f}{floats[-1]:>7.2f}"
        )
    known = [ratio for ratio in floats if np.isfinite(ratio)]
    if ratios and known:
        lines.append(
            f"faster than the faster of ONNX Runtime Web's two: {sum(ratio > 1 for ratio in ratios)} of {len(ratios)},"
            f" geometric mean {geometric_mean(ratios):.2f}; float beside float {geometric_mean(known):.2f}"
        )
    lines.append(
        "times in ms, one thread, medians; ratio: the faster of QDQ and float over ours, float over ours in float"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
