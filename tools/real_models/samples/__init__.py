"""Inputs that resemble what the models were trained on, made here: the same in every run, and no download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Feed = dict[str, NDArray[Any]]
"""One complete set of inputs."""

Maker = Callable[[int, int, Path], list[Feed]]
"""(how many feeds, seed, folder with the package's models) -> feeds."""


def generator(seed: int) -> np.random.Generator:
    """The source of chance: calibration and held-out data have different seeds."""
    return np.random.default_rng([20260101, seed])
