"""Calibrators take streams of any length in the same memory; each stream runs in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playground import Scheme, calibration

HERE = Path(__file__).parent

HISTOGRAMS = ("percentile", "entropy", "entropy_tensorrt", "histogram", "distribution")
"""Calibrators that each keep a histogram of their own kind."""


def stream(calibrator: str, symmetric: bool, batches: int) -> dict[str, Any]:
    command = [sys.executable, HERE / "stream.py", calibrator, str(int(symmetric)), str(batches)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout)
    return result


@pytest.mark.heavy
@pytest.mark.parametrize("calibrator", ["minmax", "octav"])
def test_ten_gigabytes_pass_through_less_than_200_megabytes(calibrator: str) -> None:
    """OCTAV stands for all that are not histograms and collect a sample: they differ in what they do with it then."""
    found = stream(calibrator, False, 2400)
    assert found["gigabytes"] > 10
    assert found["peak"] < 200


@pytest.mark.slow
@pytest.mark.parametrize("calibrator", HISTOGRAMS)
def test_histograms_do_not_grow_with_the_stream(calibrator: str) -> None:
    found = stream(calibrator, calibrator == "percentile", 100)
    assert found["peak"] < 200
    assert found["peak"] - found["early"] < 4


@pytest.mark.parametrize("calibrator", ["octav", "mse", "percentile", "moving_average"])
def test_a_batch_may_be_overwritten_once_it_was_seen(calibrator: str) -> None:
    scheme = Scheme(symmetric=False, calibrator=calibrator)
    buffer, reused, kept = np.empty(900, np.float32), calibration.start(scheme), calibration.start(scheme)
    for seed in range(3):
        buffer[:] = np.random.default_rng(seed).normal(0, 1 + seed, 900)
        reused.update(buffer)
        kept.update(buffer.copy())
    buffer[:] = 1e9
    assert (reused.range().lo, reused.range().hi) == (kept.range().lo, kept.range().hi)
