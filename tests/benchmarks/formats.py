"""Our NumPy quantizers against those of the tools whose formats they are, as ratios of times measured in one run.

Usage: python tests/benchmarks/formats.py [--json] [--millions 16] [--rounds 5]

Each pair takes turns, so that whatever else the machine does hits both alike; the ratio is that of the medians, ours
over theirs: below 1 ours is faster. PyTorch runs on one thread, as NumPy does.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import playground
from playground import Range, Scheme

Task = Callable[[], object]


@dataclass(frozen=True)
class Pair:
    """The same work done twice.

    Attributes:
        name: what is done.
        tool: whose function ours is compared with.
        ours: our work.
        theirs: the tool's.
    """

    name: str
    tool: str
    ours: Task
    theirs: Task


def values(count: int) -> np.ndarray:
    """Normal float32 values in rows of 4096, with a few far-out ones, the same in every run."""
    rng = np.random.default_rng(20260101)
    x = rng.standard_normal((max(1, count // 4096), 4096), np.float32) * np.float32(0.04)
    x[:, 7] *= 20
    return x


def pairs(x: np.ndarray) -> Iterator[Pair]:
    """Everything that is compared, on the same values."""
    yield from torch_pairs(x)
    yield from gguf_pairs(x)
    yield from bitsandbytes_pairs(x)
    yield from ml_dtypes_pairs(x)


def torch_pairs(x: np.ndarray) -> Iterator[Pair]:
    """Fake-quantize: codes and back, the range given."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    tensor, scale = torch.from_numpy(x), float(np.abs(x).max() / 127.5)
    clip = Range(-scale * 127.5, scale * 127.5)
    whole = Scheme("int8", convention="pytorch_fake")
    yield Pair(
        "int8 fake-quantize, one scale",
        "torch",
        lambda: playground.quantize(x, whole, clip).dequantize(),
        lambda: torch.fake_quantize_per_tensor_affine(tensor, scale, 0, -128, 127),
    )
    scales = torch.from_numpy(np.abs(x).max(axis=1) / np.float32(127.5))
    points = torch.zeros(len(x), dtype=torch.int32)
    bounds = scales.numpy()[:, None] * np.float32(127.5)
    rows = Scheme("int8", "channel", 0, convention="pytorch_fake")
    yield Pair(
        "int8 fake-quantize, a scale per row",
        "torch",
        lambda: playground.quantize(x, rows, Range(-bounds, bounds)).dequantize(),
        lambda: torch.fake_quantize_per_channel_affine(tensor, scales, points, 0, -128, 127),
    )


def gguf_pairs(x: np.ndarray) -> Iterator[Pair]:
    """To bytes, ranges included."""
    gguf = importlib.import_module("gguf")
    for name in ("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"):
        kind, scheme = gguf.GGMLQuantizationType[name], Scheme(name.lower())
        packed = gguf.quants.quantize(x, kind)
        quantized = playground.quantize(x, scheme)
        yield Pair(
            f"{name} to bytes",
            "gguf",
            functools.partial(lambda s: playground.quantize(x, s).packed(), scheme),
            functools.partial(gguf.quants.quantize, x, kind),
        )
        yield Pair(
            f"{name} back to float",
            "gguf",
            quantized.dequantize,
            functools.partial(gguf.quants.dequantize, packed, kind),
        )


def bitsandbytes_pairs(x: np.ndarray) -> Iterator[Pair]:
    """Blocks of 64, ranges included, codes packed."""
    torch = importlib.import_module("torch")
    functional = importlib.import_module("bitsandbytes.functional")
    tensor = torch.from_numpy(x)
    for ours, theirs in (("nf4", "nf4"), ("bnb_fp4", "fp4")):
        scheme = Scheme(ours, "block", block_size=64, convention="bitsandbytes")
        yield Pair(
            f"{theirs} to bytes",
            "bitsandbytes",
            functools.partial(lambda s: playground.quantize(x, s).packed(), scheme),
            functools.partial(functional.quantize_4bit, tensor, blocksize=64, quant_type=theirs),
        )
    rows = Scheme("int8", "token", convention="bitsandbytes")
    yield Pair(
        "int8, a scale per row",
        "bitsandbytes",
        lambda: playground.quantize(x, rows).codes,
        lambda: functional.int8_vectorwise_quant(tensor),
    )


def ml_dtypes_pairs(x: np.ndarray) -> Iterator[Pair]:
    """A plain cast there and back."""
    ml_dtypes = importlib.import_module("ml_dtypes")
    for ours, theirs in (("bf16", "bfloat16"), ("fp8_e4m3", "float8_e4m3fn"), ("fp8_e5m2", "float8_e5m2")):
        scheme, dtype = Scheme(ours), np.dtype(getattr(ml_dtypes, theirs))
        yield Pair(
            f"{ours} there and back",
            "ml_dtypes",
            functools.partial(lambda s: playground.quantize(x, s).dequantize(), scheme),
            functools.partial(lambda t: x.astype(t).astype(np.float32), dtype),
        )


def measure(pair: Pair, rounds: int) -> dict[str, Any]:
    """Seconds of both, taking turns after one untimed round each; medians and their ratio."""
    taken: dict[str, list[float]] = {"ours": [], "theirs": []}
    for number in range(rounds + 1):
        for side in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
            began = time.perf_counter()
            getattr(pair, side)()
            if number:
                taken[side].append(time.perf_counter() - began)
    ours, theirs = (statistics.median(taken[side]) for side in ("ours", "theirs"))
    return {"name": pair.name, "tool": pair.tool, "ours_s": ours, "theirs_s": theirs, "ratio": ours / theirs}


def main(arguments: list[str]) -> None:
    """Measure all pairs and print a table, or JSON."""
    parser = argparse.ArgumentParser(description="Our NumPy quantizers against those of other tools")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--millions", type=float, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of a name")
    options = parser.parse_args(arguments)
    x = values(int(options.millions * 1_000_000))
    rows = [measure(pair, options.rounds) for pair in pairs(x) if options.only in pair.name]
    if options.json:
        print(json.dumps({"values": x.size, "rounds": options.rounds, "results": rows}, indent=1))
        return
    print(
        f"{x.size:,} values, medians of {options.rounds} rounds; the ratio is ours over theirs: below 1 ours is faster"
    )
    for row in rows:
        print(
            f"  {row['name']:<38}{row['tool']:<14}{row['ours_s'] * 1e3:>9.0f} ms{row['theirs_s'] * 1e3:>9.0f} ms"
            f"{row['ratio']:>8.2f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
