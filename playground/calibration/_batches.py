"""What every calibrator requires of batches, and how it splits them by scale."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from playground.arrays import Float32, as_float32, require_values
from playground.errors import InvalidInputError
from playground.quantization import Scheme


class Batches:
    """Checks that batches are usable and agree with each other, and knows how many scales they have."""

    def __init__(self, scheme: Scheme) -> None:
        """Start with no batch seen."""
        self._scheme = scheme
        self._shape: tuple[int, ...] | None = None

    def check(self, batch: ArrayLike) -> Float32:
        """The batch as finite float32.

        Raises:
            InvalidInputError: it has no values, or NaN or infinite ones, or another rank or number of channels.
        """
        x = require_values(as_float32(batch, "batch"), "batch")
        shape = self._scheme.qparams_shape(x.shape)
        if self._shape not in (None, shape):
            raise InvalidInputError(
                f"a batch of shape {x.shape} needs scales of shape {shape}, those before it {self._shape}",
                where="batch",
                hint="Give batches that differ only along axes that share a scale",
            )
        self._shape = shape
        return x

    def seen_shape(self) -> tuple[int, ...]:
        """The shape of the scales.

        Raises:
            InvalidInputError: no batch has been seen.
        """
        if self._shape is None:
            raise InvalidInputError(
                "the calibrator has seen no batch", where="calibration", hint="Give at least one batch"
            )
        return self._shape

    def extremes(self, x: Float32) -> tuple[Float32, Float32]:
        """The smallest and the largest value of each scale, in the scales' shape."""
        grouping = self._scheme.grouping
        return grouping.reduce(np.minimum, x), grouping.reduce(np.maximum, x)

    def split(self, x: Float32) -> Float32:
        """The values of each scale, in the scales' C order: a row a scale.

        Where blocks do not divide their axis, the rows of the last ones are filled up with NaN.
        """
        shape = self.seen_shape()
        numbers = np.arange(math.prod(shape)).reshape(shape)
        parts = []
        for piece in self._scheme.grouping.pieces(x.shape):
            which = piece.parameters(numbers)
            kept = [axis for axis in range(4) if which.shape[axis] != 1]
            rows = np.moveaxis(piece.values(x), kept, range(len(kept))).reshape(which.size, -1)
            parts.append((which.reshape(-1), rows))
        if len(parts) == 1:
            return parts[0][1]
        filled = np.full((numbers.size, max(rows.shape[1] for _, rows in parts)), np.nan, np.float32)
        for which, rows in parts:
            filled[which, : rows.shape[1]] = rows
        return filled

    def each(self, x: Float32) -> Iterator[Float32]:
        """As :meth:`split`, one row after the other and without what fills them up."""
        for row in self.split(x):
            yield row[~np.isnan(row)] if np.isnan(row[-1]) else row
