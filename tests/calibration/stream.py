"""Run by tests in a process of its own: a calibrator sees many batches, and the process says how much memory it took.

``python stream.py CALIBRATOR SYMMETRIC BATCHES`` prints a JSON object.
"""

import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from playground import Scheme, calibration

BATCH = 1 << 20
"""Values in a batch: 4 MiB of float32."""

SIZES = (1.0, 0.5, 2.0, 0.25, 1.5)
"""Factors by which batches differ, over and over: they grow, too."""


def batches(count: int) -> Iterator[NDArray[np.float32]]:
    """Batches that share one buffer, as those of a loader may."""
    base = np.random.default_rng(12).normal(0.1, 1, BATCH).astype(np.float32)
    buffer = np.empty_like(base)
    for index in range(count):
        yield np.multiply(base, np.float32(SIZES[index % len(SIZES)]), out=buffer)


def peak() -> float:
    """Most memory that the process has had so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: getrusage would tell that of the process which started this one, if it is larger
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main() -> None:
    """See the module."""
    calibrator, symmetric, count = sys.argv[1], sys.argv[2] == "1", int(sys.argv[3])
    state = calibration.start(Scheme(symmetric=symmetric, calibrator=calibrator))
    early = 0.0
    for index, batch in enumerate(batches(count)):
        state.update(batch)
        if index == count // 4:
            state.range()
            early = peak()
    found = state.range()
    print(
        json.dumps(
            {
                "gigabytes": count * BATCH * 4 / 1e9,
                "early": early,
                "peak": peak(),
                "lo": found.lo.item(),
                "hi": found.hi.item(),
            }
        )
    )


main()
