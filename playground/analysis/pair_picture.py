"""The values of one tensor in two files, counted in the same bins: what is drawn of a pair that is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import as_float32, require_values
from playground.errors import InvalidInputError
from playground.histograms import histogram
from playground.limits import MOST_SHOWN_VALUES
from playground.model.graph import Tensor
from playground.tasks import Progress, Task

BINS = 120


@dataclass(frozen=True, slots=True, eq=False)
class PairPicture:
    """Both histograms over the same bins.

    Attributes:
        lo: left edge of the first bin: the smallest value of both tensors.
        hi: right edge of the last bin: the largest.
        counts: int64 of shape ``(BINS,)``, of the first file and of the second.
    """

    lo: float
    hi: float
    counts: tuple[NDArray[np.int64], NDArray[np.int64]]

    def as_dict(self) -> dict[str, Any]:
        """The picture as plain data."""
        return {"lo": self.lo, "hi": self.hi, "counts": list(self.counts)}


def pair_picture_task(a: Tensor, b: Tensor) -> Task[PairPicture]:
    """Count the values of both tensors; each is read once.

    Raises:
        InvalidInputError: a tensor has no values, too many to be drawn, or not all are finite.
        BadFileError: the values cannot be read.
    """
    for tensor in (a, b):
        if tensor.size > MOST_SHOWN_VALUES:
            raise InvalidInputError(
                f"{tensor.size} values are too many for a plot",
                where=tensor.name,
                hint=f"Choose a tensor with at most {MOST_SHOWN_VALUES}",
            )
    yield Progress(0, 3, f"Reading {a.name}")
    first = require_values(as_float32(a.numpy()))
    yield Progress(1, 3, f"Reading {b.name}")
    second = require_values(as_float32(b.numpy()))
    yield Progress(2, 3, f"Counting {a.name}")
    lo, hi = min(first.min(), second.min()), max(first.max(), second.max())
    counted = [histogram(values, BINS, lo, hi) for values in (first, second)]
    return PairPicture(counted[0].lo, counted[0].hi, (counted[0].counts, counted[1].counts))
