"""What every calibrator asks of the batches it is shown, and how it takes them apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from playground.arrays import Float32, as_float32, require_values
from playground.core import Scheme
from playground.errors import InvalidInputError


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
                hint="Batches may differ only along axes that share a scale",
            )
        self._shape = shape
        return x

    def seen_shape(self) -> tuple[int, ...]:
        """The shape of the scales.

        Raises:
            InvalidInputError: no batch has been seen.
        """
        if self._shape is None:
            raise InvalidInputError("no batch has been seen", where="calibration", hint="Give at least one batch")
        return self._shape

    def extremes(self, x: Float32) -> tuple[Float32, Float32]:
        """The smallest and the largest value of each scale, in the scales' shape."""
        shape = self.seen_shape()
        if self._blocked(x) is None:
            shared = tuple(axis for axis, size in enumerate(shape) if size == 1)
            return x.min(axis=shared, keepdims=True), x.max(axis=shared, keepdims=True)
        rows = self.split(x)
        return np.fmin.reduce(rows, axis=1).reshape(shape), np.fmax.reduce(rows, axis=1).reshape(shape)

    def split(self, x: Float32) -> Float32:
        """The values of each scale, in the scales' C order: a row a scale.

        Where blocks do not divide their axis, the rows of the last ones are filled up with NaN.
        """
        shape, blocked = self.seen_shape(), self._blocked(x)
        kept = [axis for axis, size in enumerate(shape) if size != 1]
        if blocked is not None:
            missing = shape[blocked] * self._block_size() - x.shape[blocked]
            if missing:
                x = np.pad(x, [(0, missing if i == blocked else 0) for i in range(x.ndim)], constant_values=np.nan)
            x = x.reshape(*x.shape[:blocked], shape[blocked], -1, *x.shape[blocked + 1 :])
            kept = [axis + (axis > blocked) for axis in kept]
        return np.moveaxis(x, kept, range(len(kept))).reshape(int(np.prod(shape, dtype=np.int64)), -1)

    def each(self, x: Float32) -> Iterator[Float32]:
        """As :meth:`split`, one row after the other and without what fills them up."""
        for row in self.split(x):
            yield row[~np.isnan(row)] if np.isnan(row[-1]) else row

    def _blocked(self, x: Float32) -> int | None:
        """The axis along which several values, but not all, share a scale."""
        return next((i for i, size in enumerate(self.seen_shape()) if size not in (1, x.shape[i])), None)

    def _block_size(self) -> int:
        return self._scheme.block_size or 1
