"""Affine quantization: from values to codes and back. Home of the names that the rest of the package imports.

``real = scale * (code - zero_point)``. Ranges are always given here; finding one is the work of ``calibration``. What
implementations do differently is data in ``presets``; what a code may be is data in ``number_formats``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.arrays import Float32, as_float32, require_finite
from playground.errors import InvalidInputError
from playground.number_formats import Codes
from playground.presets import CONVENTIONS, Convention
from playground.qparams import QParams, Range, choose_qparams, clip_limits, levels
from playground.rounding import ROUNDINGS
from playground.scheme import Scheme

__all__ = ["QParams", "QTensor", "Range", "Scheme", "choose_qparams", "clip_limits", "dequantize", "encode", "levels"]


@dataclass(frozen=True, slots=True, eq=False)
class QTensor:
    """A quantized tensor: ``real = scale * (code - zero_point)``.

    Attributes:
        codes: int8 or uint8, one byte per code whatever the format, of ``shape``.
        qparams: its scales and zero-points.
        scheme: how it was made.
        shape: the tensor's shape.

    Raises:
        InvalidInputError: codes of another shape or type than the other fields say, or parameters that do not fit.
    """

    codes: Codes
    qparams: QParams
    scheme: Scheme
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check that the parts fit each other."""
        wanted = self.scheme.number_format.dtype
        if self.codes.dtype != wanted or self.codes.shape != self.shape:
            raise InvalidInputError(
                f"{self.codes.dtype} codes of shape {self.codes.shape}",
                where="codes",
                hint=f"{self.scheme.format} codes for this tensor are {wanted} of shape {self.shape}",
            )
        _require_fit(self.qparams, self.shape)

    def dequantize(self) -> Float32:
        """The real values the codes stand for, float32 of ``shape``."""
        return dequantize(self)

    def packed(self) -> NDArray[np.uint8]:
        """The codes as stored: without gaps, the first in the lowest bits."""
        return self.scheme.number_format.pack(self.codes)

    @property
    def nbytes(self) -> int:
        """Bytes as stored: packed codes, float32 scales, and zero-points as packed codes unless all are 0."""
        number_format, points = self.scheme.number_format, self.qparams.zero_point
        stored_points = number_format.packed_nbytes(points.size) if points.any() else 0
        return number_format.packed_nbytes(self.codes.size) + self.qparams.scale.nbytes + stored_points

    @property
    def bits_per_weight(self) -> float:
        """Stored bits, scales and zero-points included, per value; 0 for an empty tensor."""
        return 8 * self.nbytes / self.codes.size if self.codes.size else 0.0


def _require_fit(qparams: QParams, shape: tuple[int, ...]) -> None:
    try:
        fits = np.broadcast_shapes(qparams.scale.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise InvalidInputError(
            f"scales of shape {qparams.scale.shape} do not fit values of shape {shape}", where="scale"
        )


def encode(x: ArrayLike, qparams: QParams, scheme: Scheme) -> Codes:
    """The codes of values, in x's shape: int8 for a signed format, uint8 for an unsigned one. Saturates.

    Raises:
        InvalidInputError: x is not real and finite, or the parameters do not fit its shape.
    """
    values = require_finite(as_float32(x))
    _require_fit(qparams, values.shape)
    convention = CONVENTIONS[scheme.convention]
    round_in_place = ROUNDINGS[scheme.rounding].apply
    work = np.empty_like(values)
    with np.errstate(over="ignore"):  # a huge value over a tiny scale is infinite and saturates
        if convention.zero_point_before_rounding:
            _scale_and_shift(values, qparams, convention, scheme.granularity, work)
            round_in_place(work)
        else:
            _divide(values, qparams, convention, work)
            round_in_place(work)
            np.add(work, qparams.zero_point.astype(np.float32), out=work)
    np.clip(work, *scheme.limits, out=work)
    return work.astype(scheme.number_format.dtype)


def _divide(values: Float32, qparams: QParams, convention: Convention, out: Float32) -> None:
    if convention.multiply_by_reciprocal:
        np.multiply(values, np.float32(1) / qparams.scale, out=out)
    else:
        np.divide(values, qparams.scale, out=out)


def _scale_and_shift(values: Float32, qparams: QParams, convention: Convention, granularity: str, out: Float32) -> None:
    if granularity in convention.fused_granularities:
        # The product of two float32 is exact in float64: adding there and rounding to float32 is a fused multiply-add.
        reciprocal = (np.float32(1) / qparams.scale).astype(np.float64)
        np.add(values * reciprocal, qparams.zero_point, out=out, casting="same_kind")
    else:
        _divide(values, qparams, convention, out)
        np.add(out, qparams.zero_point.astype(np.float32), out=out)


def dequantize(qtensor: QTensor) -> Float32:
    """The real values that codes stand for: ``scale * (code - zero_point)`` in float32, of the tensor's shape."""
    offsets = np.empty(qtensor.shape, np.float32)
    np.subtract(qtensor.codes, qtensor.qparams.zero_point.astype(np.float32), out=offsets)
    return np.multiply(offsets, qtensor.qparams.scale, out=offsets)
