"""Time and memory of quantizing an encoder of 63 million parameters, ours and onnxruntime's tool in one run.

Usage: python tests/benchmarks/large_model.py [--json] [--rounds 3] [--batches 400] [--only static]

Each measurement is a process of its own, taking turns, so that the peak is its own: *peak* is the most memory that the
process ever had, *more* how much of that came after the imports. ``percentile`` calibrates one layer of the encoder on
many batches that are made as they are asked for, once they are seen nothing needs to keep them.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

# As a script it stands beside quantize_static.py, as a module in tests.benchmarks
try:
    from tests.benchmarks import quantize_static as nets
except ImportError:
    import quantize_static as nets  # type: ignore[no-redef]

from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType
from onnxruntime.quantization import quantize_dynamic as their_dynamic
from onnxruntime.quantization import quantize_static as their_static

import playground
from playground.model.recipe import Recipe
from playground.quantization import Scheme

LAYERS = 20
"""Of 3.1 million parameters each."""

SAMPLES, BATCH = 8, 16
TASKS = ("static", "dynamic", "percentile")


def batches(count: int, size: int) -> Iterator[dict[str, np.ndarray]]:
    """Normal noise, made as it is asked for."""
    rng = np.random.default_rng(7)
    for _ in range(count):
        yield {"x": rng.standard_normal((size, nets.TOKENS, nets.WIDTH), np.float32)}


class Reader(CalibrationDataReader):
    """The same for the tool."""

    def __init__(self, made: Iterator[dict[str, np.ndarray]]) -> None:
        """Nothing is made yet."""
        self._made = made

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch."""
        return next(self._made, None)


def ours(task: str, source: Path, target: Path, count: int) -> None:
    """Load, quantize, save."""
    model = playground.load(source)
    if task == "dynamic":
        playground.quantize_model(model, Recipe(activations="dynamic")).save(target)
        return
    percentile = {"calibrator": "percentile"} if task == "percentile" else {}
    scheme = Scheme("uint8", symmetric=False, **percentile)
    size = BATCH if task == "percentile" else SAMPLES
    recipe = Recipe(weights=Scheme("int8"), activation_scheme=scheme, operators=nets.OPERATORS)
    playground.quantize_model(model, recipe, lambda: batches(count, size)).save(target)


def theirs(task: str, source: Path, target: Path, count: int) -> None:
    """The tool's own calls, for the same operators and types."""
    if task == "dynamic":
        their_dynamic(source, target, weight_type=QuantType.QInt8)
        return
    percentile = task == "percentile"
    their_static(
        source,
        target,
        Reader(batches(count, BATCH if percentile else SAMPLES)),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(nets.OPERATORS),
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.Percentile if percentile else CalibrationMethod.MinMax,
    )


def peak_mb() -> float:
    """The most memory that this process has had, MB."""
    status = Path("/proc/self/status")
    if status.exists():  # rusage counts what the process that began this one had, too
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1e3
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1e6 if sys.platform == "darwin" else 1e3)


def child(side: str, task: str, source: Path, count: int) -> dict[str, float]:
    """One measurement, in this process."""
    gc.collect()
    before, began = peak_mb(), time.perf_counter()
    {"ours": ours, "theirs": theirs}[side](task, source, source.with_name(f"{side}.onnx"), count)
    return {"seconds": time.perf_counter() - began, "peak_mb": peak_mb(), "more_mb": peak_mb() - before}


def measure(task: str, rounds: int, count: int) -> dict[str, Any]:
    """Medians of both, taking turns."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "float.onnx"
        source.write_bytes(nets.encoder(1 if task == "percentile" else LAYERS).SerializeToString())
        found: dict[str, list[dict[str, float]]] = {"ours": [], "theirs": []}
        for _ in range(rounds):
            for side, rows in found.items():
                command = [sys.executable, __file__, "--child", side, task, str(source)]
                done = subprocess.run(
                    [*command, "--batches", str(count)], check=True, capture_output=True, text=True, cwd=Path.cwd()
                )
                rows.append(json.loads(done.stdout.splitlines()[-1]))
        megabytes = source.stat().st_size / 1e6
    medians = {
        side: {key: statistics.median(row[key] for row in rows) for key in rows[0]} for side, rows in found.items()
    }
    return {"task": task, "megabytes": megabytes, **medians}


def main(arguments: list[str]) -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description="Time and memory of quantizing a large model")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=400)
    parser.add_argument("--only", choices=TASKS)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        side, task, source = options.child
        print(json.dumps(child(side, task, Path(source), options.batches if task == "percentile" else 1)))
        return
    rows = [measure(task, options.rounds, options.batches) for task in TASKS if options.only in (None, task)]
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        told = [
            f"{side} {found['seconds']:6.2f} s, peak {found['peak_mb']:5.0f} MB ({found['more_mb']:.0f} more)"
            for side, found in row.items()
            if side in ("ours", "theirs")
        ]
        print(f"  {row['task']:<11}{row['megabytes']:>5.0f} MB  {'   '.join(told)}")


if __name__ == "__main__":
    main(sys.argv[1:])
