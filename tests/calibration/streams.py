"""Streams of batches that histograms have to cope with: they grow, shrink, stay, start at zero, lie on one side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Stream = list[NDArray[np.float32]]


def _normal(rng: np.random.Generator, *sigmas: float, mean: float = 0.0) -> Stream:
    return [rng.normal(mean, sigma, (4, 900)).astype(np.float32) for sigma in sigmas]


def streams() -> dict[str, Stream]:
    """Streams by what is special about them."""
    rng = np.random.default_rng(23)
    return {
        "same": _normal(rng, 1, 1, 1),
        "growing": _normal(rng, 0.1, 1, 7.3),
        "growing_a_little": _normal(rng, 0.7, 1, 1.6),
        "shrinking": _normal(rng, 5, 1, 0.01),
        "one_sided": [np.abs(x) for x in _normal(rng, 1, 2, 3)],
        "shifted": _normal(rng, 1, 2, mean=-40),
        "zeros_first": [np.zeros((4, 900), np.float32), *_normal(rng, 1, 2)],
        "zeros_only": [np.zeros((2, 3), np.float32)] * 2,
        "constant": [np.full((2, 3), 1.5, np.float32), np.full((2, 3), 4.25, np.float32)],
    }


def more_streams() -> dict[str, Stream]:
    """Heavy tails, whole numbers (ties), ReLU, and each of them in one, two and five batches."""
    rng = np.random.default_rng(29)
    values = {
        "laplace": rng.laplace(0.2, 1, 20_000),
        "student": rng.standard_t(3, 20_000),
        "whole": np.round(rng.normal(3, 20, 20_000)),
        "relu": np.maximum(rng.normal(0, 1, 20_000), 0),
        "tiny": rng.normal(0, 1e-6, 20_000),
    }
    return {
        f"{name}-{parts}": np.array_split(x.astype(np.float32), parts)
        for name, x in values.items()
        for parts in (1, 2, 5)
    }
