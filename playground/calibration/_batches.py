"""What every calibrator asks of the batches it is shown, and how it takes them apart."""

from __future__ import annotations

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

    def shared_axes(self) -> tuple[int, ...]:
        """The axes along which all values share a scale."""
        return tuple(axis for axis, size in enumerate(self.seen_shape()) if size == 1)

    def split(self, x: Float32) -> list[Float32]:
        """The values of each scale, in the scales' C order, each one-dimensional."""
        kept = [axis for axis, size in enumerate(self.seen_shape()) if size != 1]
        channels = int(np.prod(self.seen_shape(), dtype=np.int64))
        return list(np.moveaxis(x, kept, range(len(kept))).reshape(channels, -1))
