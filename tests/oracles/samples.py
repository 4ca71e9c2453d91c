"""Values and ranges at which rules of the same name give different codes: ties, saturation, zeros, extremes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

COUNT = 1_000_000

Reals = NDArray[np.float32]


def with_ties(scale: Any, shape: tuple[int, ...], *, spread: float = 90, offset: Any = 0, seed: int = 31) -> Reals:
    """Values around whole steps of ``scale``, a third of them between two codes as far as float32 can tell.

    Args:
        scale: the step; broadcasts against ``shape``.
        shape: of the result.
        spread: standard deviation in steps, chosen so that some values saturate.
        offset: where the middle lies, in steps.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, spread, shape)
    ties = rng.random(shape) < 1 / 3
    steps[ties] = np.floor(steps[ties]) + 0.5
    x: Reals = ((steps + offset).astype(np.float32) * np.asarray(scale, np.float32)).astype(np.float32)
    return x


def ranges(count: int = COUNT, magnitudes: float = 9) -> Reals:
    """Pairs (lo, hi) of all signs, zeros among them, and bounds that lie on a tie: float32 (count, 2).

    Args:
        count: how many.
        magnitudes: from ``10 ** -magnitudes`` to ``10 ** magnitudes``.
    """
    rng = np.random.default_rng(41)
    pairs = rng.normal(0, 1, (count, 2)) * 10.0 ** rng.uniform(-magnitudes, magnitudes, (count, 1))
    halves = rng.integers(0, 255, count // 4)
    pairs[: count // 4] = np.stack([-(halves + 0.5), 254.5 - halves], axis=1)  # of 255 steps of 1, lo is a tie
    pairs[count // 4 : count // 4 + 100] = 0
    return np.sort(pairs, axis=1).astype(np.float32)


def rows_of_every_size(rows: int = 1000, columns: int = 1000, seed: int = 47) -> Reals:
    """Normal values in rows of all magnitudes; rows of zeros, of a constant, with a far-out value among them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (rows, columns)) * 10.0 ** rng.uniform(-6, 6, (rows, 1))
    x[0] = 0
    x[1] = 0.37
    x[2] = -0.37
    x[3, 5] = 1e4
    x[4] = np.abs(x[4])
    x[5] = -np.abs(x[5])
    return x.astype(np.float32)
