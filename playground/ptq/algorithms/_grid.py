"""The codes a weight may have once its scales are fixed, seen as the matrices that algorithms work on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.ptq.algorithms._matrices import Matrices
from playground.quantization import QTensor, Scheme
from playground.tasks import Progress, Task

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grid:
    """Scales and zero-points of every value, float64 ``[groups, outputs, inputs]``, and the scheme they belong to.

    ``bounds`` are the least and the largest code of every value, of the same shape, where they are to be narrower than
    the scheme's; of integers only.
    """

    scale: Float64
    zero: Float64
    scheme: Scheme
    bounds: tuple[Float64, Float64] | None = None

    @staticmethod
    def of(weight: QTensor, layer: Matrices) -> Grid:
        """The grid of a quantized weight."""
        grouping = weight.scheme.grouping
        parts = (weight.qparams.scale_values, weight.qparams.zero_point)
        scale, zero = (
            layer.of(
                grouping.expand(np.broadcast_to(part, weight.scheme.qparams_shape(weight.shape)).copy(), weight.shape)
            )
            for part in parts
        )
        return Grid(scale.astype(np.float64), zero.astype(np.float64), weight.scheme)

    def columns(self, at: Any) -> Grid:
        """The grid of some inputs only (anything that indexes the last axis)."""
        return self._part((..., at))

    def outputs(self, at: slice) -> Grid:
        """The grid of some outputs only."""
        return self._part((slice(None), at))

    def _part(self, at: Any) -> Grid:
        bounds = (self.bounds[0][at], self.bounds[1][at]) if self.bounds else None
        return Grid(self.scale[at], self.zero[at], self.scheme, bounds)

    def neighbours(self, values: Float64) -> Grid:
        """The grid with no more than two codes for every value: the one below it and the one above it."""
        below = np.floor(values / self.scale + self.zero)
        low, high = (np.clip(below + up, *self.scheme.limits) for up in (0, 1))
        return Grid(self.scale, self.zero, self.scheme, (low, high))

    def codes(self, values: Float64) -> Float64:
        """The nearest codes, as whole numbers in float64."""
        # In float32, so that ties fall as they do when a tensor is encoded
        steps: NDArray[np.float32] = np.divide(values.astype(np.float32), self.scale.astype(np.float32))
        element = self.scheme.element
        if element.family != "integer":
            rounding = self.scheme.rounding_rule
            return element.encode(steps, rounding, saturate=True, random=None).astype(np.float64)
        return np.clip(np.rint(steps.astype(np.float64)) + self.zero, *(self.bounds or self.scheme.limits))

    def values(self, codes: Float64) -> Float64:
        """What codes stand for."""
        element = self.scheme.element
        if element.family != "integer":
            return self.scale * element.decode(codes.astype(element.dtype)).astype(np.float64)
        return self.scale * (codes - self.zero)

    def nearest(self, values: Float64) -> tuple[Float64, Float64]:
        """The nearest codes, and what they stand for."""
        codes = self.codes(values)
        return codes, self.values(codes)


def unusable(scheme: Scheme, integers_only: bool = False) -> str:
    """Why codes of a scheme cannot be chosen one by one on fixed scales; empty if they can."""
    if scheme.procedure is not None or scheme.number_format.is_fitted:
        return f"{scheme.format} chooses scales and codes together"
    has_offset = scheme.zero_rule == "offset" and not scheme.symmetric
    if scheme.rotation is not None or scheme.centre or has_offset or not scheme.is_scaled:
        return "its scheme is not scale * (code - zero_point)"
    if integers_only and scheme.element.family != "integer":
        return f"{scheme.format} codes are not evenly spaced"
    return ""


def rounded_to(weight: QTensor, codes: Float64, layer: Matrices) -> QTensor:
    """The weight with other codes on the same scales."""
    held = np.ascontiguousarray(layer.back(codes).astype(weight.codes.dtype))
    return QTensor(held, weight.qparams, weight.scheme, weight.shape)


STEP = 10**8
"""Multiplications between two steps of work: some hundredths of a second."""


def blocks_of(outputs: int, inputs: int) -> Iterator[slice]:
    """Slices of outputs of which each meets second moments in about one :data:`STEP`."""
    size = max(1, STEP // max(1, inputs * inputs))
    return (slice(at, at + size) for at in range(0, outputs, size))


def output_error_task(error: NDArray[Any], second: NDArray[Any]) -> Task[float]:
    """Sum of squared outputs of a weight's error ``[groups, outputs, inputs]``, from second moments of its inputs."""
    total = 0.0
    for block in blocks_of(error.shape[1], error.shape[2]):
        part = error[:, block]
        total += float(np.einsum("goi,goi->", np.matmul(part, second), part, dtype=np.float64))
        yield Progress(0, 1, "Errors of outputs")
    return max(0.0, total)
