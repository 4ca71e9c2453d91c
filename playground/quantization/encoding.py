"""From values to codes, in the order of operations that the scheme's convention has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.arrays import Float32, as_float32, require_finite
from playground.number_formats import Codes, boundaries_for, nearest
from playground.quantization.grouping import Piece, Tile, tile_of
from playground.quantization.qtensor import TILE, QParams, QTensor, codebooks, require_fit, spread
from playground.quantization.scheme import Scheme


def encode(x: ArrayLike, qparams: QParams, scheme: Scheme) -> Codes:
    """The codes of values, in x's shape and the format's type. Saturates.

    Raises:
        InvalidInputError: x is not real and finite, or the parameters do not fit its shape.
    """
    return encode_values(require_finite(as_float32(x)), qparams, scheme)


def encode_values(values: Float32, qparams: QParams, scheme: Scheme) -> Codes:
    """As :func:`encode`, for C-contiguous values that are known to be finite."""
    require_fit(qparams, scheme, values.shape)
    codes = np.empty(values.shape, scheme.element.dtype)
    random = np.random.default_rng(scheme.seed) if scheme.rounding_rule.random else None
    books = codebooks(qparams, scheme, values.shape)
    steps = _Steps(qparams, scheme, values.shape)
    buffer = np.empty(min(values.size, TILE), np.float32)
    with np.errstate(over="ignore"):  # a huge value over a tiny scale is infinite and saturates
        for piece in scheme.grouping.pieces(values.shape):
            given, made, part = piece.values(values), piece.values(codes), steps.of(piece)
            if qparams.codebook is not None:
                for index, group in piece.groups():
                    made[index] = _nearest(given[index], books[group], scheme, random)
                continue
            for tile in piece.tiles(TILE):
                chunk = given[tile]
                work = buffer[: chunk.size].reshape(chunk.shape)
                made[tile] = _encode_tile(chunk, part.of(tile), scheme, work, random)
    return codes


def _nearest(values: Float32, book: Float32, scheme: Scheme, random: np.random.Generator | None) -> Codes:
    """Places in a codebook that was made for the data."""
    rounding = scheme.rounding_rule
    places = nearest(values, book, boundaries_for(book, rounding.id), rounding, random)
    return places.astype(scheme.element.dtype, copy=False)


@dataclass(frozen=True, slots=True)
class _Part:
    """The parameters of a piece, each None where it changes nothing."""

    offset: NDArray[Any] | None
    multiply: NDArray[Any] | None
    divide: NDArray[Any] | None
    zero_point: NDArray[Any] | None

    def of(self, tile: Tile) -> _Part:
        """Those of a tile."""
        parts = (self.offset, self.multiply, self.divide, self.zero_point)
        return _Part(*(None if part is None else tile_of(part, tile) for part in parts))


class _Steps:
    """The parameters in the form in which they are applied to values."""

    def __init__(self, qparams: QParams, scheme: Scheme, shape: tuple[int, ...]) -> None:
        """Work out what values are multiplied and divided by."""
        points = qparams.zero_point if qparams.zero_point.any() else None
        multiply, divide = _factors(qparams, scheme)
        parts = (qparams.offset_values, multiply, divide, points)
        self._parts = [None if part is None else spread(part.astype(np.float32), scheme, shape) for part in parts]

    def of(self, piece: Piece) -> _Part:
        """Those of a piece."""
        return _Part(*(None if part is None else piece.parameters(part) for part in self._parts))


def _factors(qparams: QParams, scheme: Scheme) -> tuple[Float32 | None, Float32 | None]:
    """What values are multiplied and what they are divided by."""
    if qparams.factors is not None:
        return qparams.factors.multiply, qparams.factors.divide
    if not scheme.is_scaled:
        return None, None
    scale = qparams.scale_values
    if not scale.all():  # a scale that became zero when it was stored: every value has the code of zero then
        scale = np.where(scale == 0, np.float32(np.inf), scale)
    if scheme.convention_rules.divides:
        return None, scale
    if (
        scheme.convention_rules.quotient == "nested"
        and isinstance(qparams.scale, QTensor)
        and qparams.scale.scheme.is_scaled
    ):
        return _nested_reciprocal(qparams.scale), None
    return np.float32(1) / scale, None


def _nested_reciprocal(scale: QTensor) -> Float32:
    """``(1 / outer) / inner`` of scales that are stored as ``outer * inner``, zero where the inner one is zero."""
    outer = scale.scheme.grouping.expand(np.float32(1) / scale.qparams.scale_values, scale.shape)
    inner = scale.scheme.element.decode(scale.codes)
    reciprocal: Float32 = np.divide(outer, inner, out=np.zeros_like(outer), where=inner != 0)
    return reciprocal


def _encode_tile(
    values: Float32, part: _Part, scheme: Scheme, work: Float32, random: np.random.Generator | None
) -> Codes:
    """The codes of one tile; ``work`` is overwritten."""
    rules, element, rounding = scheme.convention_rules, scheme.element, scheme.rounding_rule
    point = part.zero_point
    before = rules.zero_point_before_rounding or scheme.zero_rule == "float"
    if point is not None and before and scheme.granularity in rules.fused_granularities and part.multiply is not None:
        # The product of two float32 is exact in float64: adding there and rounding to float32 is a fused multiply-add.
        wide = values.astype(np.float64) * part.multiply.astype(np.float64)
        np.add(wide, point.astype(np.float64), out=work, casting="same_kind")
    else:
        _scale(values, part, work)
        if point is not None and before:
            np.add(work, point, out=work)
    if point is None and not scheme.is_narrow:
        return element.encode(work, rounding, saturate=scheme.saturate, random=random)
    rounding.apply(work, random)
    if point is not None and not before:
        np.add(work, point, out=work)
    return np.clip(work, *scheme.limits, out=work).astype(element.dtype)


def _scale(values: Float32, part: _Part, out: Float32) -> None:
    if part.offset is not None:
        values = np.subtract(values, part.offset, out=out)
    if part.multiply is not None:
        values = np.multiply(values, part.multiply, out=out)
    if part.divide is not None:
        values = np.divide(values, part.divide, out=out)
    if values is not out:
        np.copyto(out, values)
