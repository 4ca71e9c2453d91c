"""Runs inside the page's worker for ``build.py bench``: a call of a kernel, a slider's kernels, and which layer hurts.

It is loaded into Pyodide by bench_driver.py, on the real page, when Python answers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from statistics import median

import numpy as np

from playground import host
from playground.programs.steps import QUANTIZE
from playground.tensor_view import fast_path_kernels as fast

VALUES = 1_000_000
MEBIBYTE = 1 << 20
BITS, ERROR_BINS = 4, 41
ROUNDS, CALLS = 15, 2000
STUDIES = 3


async def measure() -> str:
    """Everything, as JSON."""
    found = {"dot": host.kernels().dot, "call": call_cost(), "slider": slider(), "sensitivity": await layers()}
    return json.dumps(found)


def call_cost() -> dict[str, object]:
    """Microseconds of a call on one MiB of NumPy's memory that has nothing to do; whether the array stays where it is.

    ``k_minmax`` of no value reads nothing, so what is left is the call: arguments made into words, Python to wasm and
    back. ``kept`` is the same with the words of the call before, as a planned program is run.
    """
    kernels = host.kernels()
    x = np.linspace(-1, 1, MEBIBYTE // 4, dtype=np.float32)
    found, nans = np.zeros(2, np.float32), np.zeros(1, np.int32)
    address = x.ctypes.data
    in_place = kernels.resident(x) is x and kernels.address(x) == address
    given = {"x": x, "range": found, "nan_count": nans}
    kernels.call(fast.MINMAX, n=x.size, **given)
    in_place = in_place and (float(found[0]), float(found[1])) == (-1.0, 1.0)
    words = np.array([kernels.word(argument) for argument in (x, 0, found, nans)], np.int32)  # as struct minmax_args
    at = kernels.address(words)
    runs: dict[str, tuple[Callable[[], object], int]] = {
        "call": (lambda: kernels.call(fast.MINMAX, n=0, **given), CALLS),
        "kept": (lambda: kernels._invoke("k_minmax", at), CALLS),
        "copying 1 MiB": (x.copy, CALLS // 20),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, (run, count) in runs.items():
            times[name].append(_seconds(run, count) / count)
    return {"microseconds": {name: 1e6 * median(held) for name, held in times.items()}, "in_place": in_place}


def _seconds(run: Callable[[], object], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        run()
    return time.perf_counter() - began


def slider() -> dict[str, object]:
    """Milliseconds of what a moved slider has worked out of a million floats: kernels, and the same in NumPy, in turns.

    Codes, what they stand for, the sums of squared errors (rounding and clipping apart), how many values have each
    code, and a histogram of the errors.
    """
    x = np.random.default_rng(20260101).normal(size=VALUES).astype(np.float32)
    scale, zero_point = np.float32(0.3), 0
    by_kernels, by_numpy = kernel_step(x, scale, zero_point), numpy_step(x, scale, zero_point)
    ours, theirs = by_kernels(), by_numpy()
    close = all(np.allclose(a, b, rtol=1e-6) for a, b in zip(ours, theirs, strict=True))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for run, held in zip((by_kernels, by_numpy), times, strict=True):
            held.append(1e3 * _seconds(run, 1))
    return {"kernels_ms": median(times[0]), "numpy_ms": median(times[1]), "agree": close}


async def layers() -> dict[str, object]:
    """Seconds of the answer to "Which layer hurts?": the gallery's convolutional net at 4 bits, on its 360 digits."""
    import playground
    from playground import gallery
    from playground.analysis.sensitivity import sensitivity_task
    from playground.tasks import run_async

    model, digits = gallery.open_model("digits-convnet"), gallery.digits()
    recipe = playground.Recipe(weights=playground.Scheme("int4"))
    result = playground.quantize_model(model, recipe, gallery.calibration("digits-convnet"))
    times, worst = [], ""
    for _ in range(STUDIES):
        began = time.perf_counter()
        work = sensitivity_task(result.source, result.quantization, {"image": digits.images}, digits.labels)
        found = await run_async(work)
        times.append(time.perf_counter() - began)
        worst = found.worst().layer.node
    return {"seconds": median(times), "samples": len(digits.labels), "worst": worst}


Step = Callable[[], list[np.ndarray]]


def kernel_step(x: np.ndarray, scale: np.float32, zero_point: int) -> Step:
    """The calls of static/fastpath/compute.mjs."""
    k, n = host.kernels(), x.size
    low, high = -(1 << (BITS - 1)), (1 << (BITS - 1)) - 1
    scales, points = np.full(1, scale, np.float32), np.full(1, zero_point, np.int32)
    codes, x_hat, pair = np.empty(n, np.uint8), np.empty(n, np.float32), np.empty(2, np.float32)
    limit_lo, limit_hi = np.empty(1, np.float32), np.empty(1, np.float32)
    stats, held, bins = np.empty(6), np.empty(high - low + 1, np.int32), np.empty(ERROR_BINS, np.int32)

    shape = {"outer": 1, "channels": 1, "inner": n}
    grid, limits = {"scale": scales, "zero_point": points}, {"qmin": low, "qmax": high}
    both = {"x": x, "x_hat": x_hat}

    def run() -> list[np.ndarray]:
        held[:] = bins[:] = 0
        k.call(QUANTIZE, x=x, **shape, **grid, **limits, reciprocal=0, order=0, rounding=0, codes=codes)
        k.call(fast.DEQUANTIZE, codes=codes, is_signed=1, **shape, **grid, x=x_hat)
        k.call(fast.CLIP_LIMITS, n=1, **grid, **limits, reach=0.5, lo=limit_lo, hi=limit_hi)
        k.call(fast.ERROR_STATS, **both, **shape, lo=limit_lo, hi=limit_hi, stats=stats)
        k.call(fast.COUNT_CODES, codes=codes, is_signed=1, **shape, channel=-1, **limits, counts=held)
        largest = {"largest": stats[5], "scale": scale}
        k.call(fast.ERROR_BINS, **both, n=n, **largest, count=ERROR_BINS, counts=bins, widest=pair)
        return [stats, held, bins.sum()]

    return run


def numpy_step(x: np.ndarray, scale: np.float32, zero_point: int) -> Step:
    """The same by NumPy's own functions."""
    low, high = -(1 << (BITS - 1)), (1 << (BITS - 1)) - 1

    def run() -> list[np.ndarray]:
        codes = np.clip(np.rint(x / scale) + np.float32(zero_point), low, high).astype(np.int8)
        x_hat = (codes - np.int8(zero_point)).astype(np.float32) * scale
        lo, hi = np.float32((low - 0.5 - zero_point) * scale), np.float32((high + 0.5 - zero_point) * scale)
        error = x_hat.astype(np.float64) - x
        squared, outside = error * error, (x < lo) | (x > hi)
        noise, clipping = squared.sum(), squared[outside].sum()
        largest = np.abs(error).max()
        signal = np.square(x, dtype=np.float64).sum()
        stats = np.array([signal, noise, noise - clipping, clipping, outside.sum(), largest])
        counts = np.bincount(codes.astype(np.int64) - low, minlength=high - low + 1)
        bins = np.histogram(error, ERROR_BINS, (-largest, largest))[0]
        return [stats, counts, bins.sum()]

    return run
