"""Outputs in native ONNX Runtime, and how near others come to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tools.real_models.samples import Feed

Outputs = list[dict[str, NDArray[Any]]]
"""Output name -> array, for each feed."""


@dataclass(frozen=True, slots=True)
class Data:
    """What one model is measured on.

    Attributes:
        calibration: feeds to find ranges on.
        held_out: other feeds.
        exact: the float file's outputs for these.
    """

    calibration: list[Feed]
    held_out: list[Feed]
    exact: Outputs


def run_file(content: bytes | Path, feeds: Sequence[Feed], *, plain: bool = False) -> Outputs:
    """The outputs on one thread; ``plain``: with ONNX Runtime's graph optimizations disabled."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    if plain:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return [dict(zip(names, session.run(names, feed), strict=True)) for feed in feeds]


def fidelity(exact: Outputs, found: Outputs) -> dict[str, float]:
    """Output -> SQNR over all feeds, dB; of whole numbers the share of feeds whose answers are equal."""
    return {name: _fidelity([e[name] for e in exact], [f[name] for f in found]) for name in exact[0]}


def _fidelity(exact: list[NDArray[Any]], found: list[NDArray[Any]]) -> float:
    pairs = [(np.asarray(e), np.asarray(f)) for e, f in zip(exact, found, strict=True)]
    if pairs[0][0].dtype.kind != "f":
        return float(np.mean([np.array_equal(e, f) for e, f in pairs]))
    signal = sum(float(np.square(e, dtype=np.float64).sum()) for e, _ in pairs)
    noise = sum(float(np.square(np.subtract(e, f, dtype=np.float64)).sum()) for e, f in pairs)
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal and math.isfinite(noise) else -math.inf


def largest_difference(exact: Outputs, found: Outputs) -> float:
    """Of all outputs, relative to the largest value of each; infinite if shapes differ."""
    worst = 0.0
    for name in exact[0]:
        pairs = [(np.asarray(e[name]), np.asarray(f[name])) for e, f in zip(exact, found, strict=True)]
        if any(e.shape != f.shape for e, f in pairs):
            return math.inf
        scale = max(float(np.abs(e).max(initial=0)) for e, _ in pairs) or 1.0
        gaps = [float(np.abs(np.subtract(e, f, dtype=np.float64)).max(initial=0)) for e, f in pairs]
        worst = max(worst, *(gap / scale for gap in gaps))
    return worst
