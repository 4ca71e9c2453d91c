"""Quantization of arrays with given ranges. Home of the names that the rest of the package imports.

``real = scale * (decode(code) - zero_point) + offset``. Ranges are always given here; finding one is the work of
``calibration``. What implementations do differently is data in ``convention_rules``; what a code may be is data in
``number_formats``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from playground.arrays import Float32, as_float32, require_values
from playground.errors import InvalidInputError
from playground.number_formats import CodebookFormat
from playground.quantization.blocks import from_bytes, quantize_by_procedure
from playground.quantization.encoding import encode, encode_values
from playground.quantization.qparams import centred_qparams, choose_qparams, clip_limits, levels, unscaled
from playground.quantization.qtensor import Factors, QParams, QTensor, Range, as_range, dequantize
from playground.quantization.rotation import rotate
from playground.quantization.scheme import Scheme, as_scheme

__all__ = [
    "Factors",
    "QParams",
    "QTensor",
    "Range",
    "Scheme",
    "as_range",
    "as_scheme",
    "choose_qparams",
    "clip_limits",
    "dequantize",
    "encode",
    "from_bytes",
    "levels",
    "quantize_values",
    "quantize_within",
    "rotated",
]


def quantize_within(
    x: ArrayLike,
    range: Range | None,  # noqa: A002
    scheme: Scheme,
    *,
    zero_point: int | None = None,
) -> QTensor:
    """Quantize values with a range for every scale.

    Args:
        x: real numbers of any shape and type.
        range: what the codes have to cover: one number, or arrays of the scales' shape. Formats that make their
            parameters from the values, and plain casts, need none; if there is one, values beyond it are clipped first.
        scheme: how.
        zero_point: use this zero-point; needs an asymmetric scheme.

    Raises:
        InvalidInputError: x has no values, or NaN or infinite ones; or the range or the scheme does not fit it; or
            there is no range and the scheme needs one.
    """
    return quantize_values(require_values(as_float32(x)), range, scheme, zero_point)


def quantize_values(values: Float32, range: Range | None, scheme: Scheme, zero_point: int | None) -> QTensor:  # noqa: A002
    """As :func:`quantize_within`, for C-contiguous values that are known to be finite and at least one."""
    values = rotated(values, scheme)
    found = None if range is None else range.for_shape(values.shape, scheme)
    if not scheme.needs_range:
        return _without_range(values, found, scheme)
    if found is None:
        raise InvalidInputError(
            "this scheme needs a range", where="range", hint="Give one, or call quantize, which finds one"
        )
    if scheme.centre:
        qparams = centred_qparams(values, found, scheme, zero_point=zero_point)
    else:
        qparams = choose_qparams(found, scheme, zero_point=zero_point)
    return QTensor(encode_values(values, qparams, scheme), qparams, scheme, values.shape)


def rotated(values: Float32, scheme: Scheme) -> Float32:
    """The values that are quantized: rotated if the scheme says so.

    Raises:
        InvalidInputError: a scalar cannot be rotated.
    """
    if scheme.rotation is None:
        return values
    if not values.ndim:
        raise InvalidInputError("a scalar has no axis to rotate along", where="rotation", hint="Leave the rotation out")
    return rotate(values, scheme.seed)


def _without_range(values: Float32, clip: Range | None, scheme: Scheme) -> QTensor:
    """Plain casts, codebooks made for the data, and formats with a procedure of their own."""
    if clip is not None:
        lo, hi = (scheme.grouping.expand(bound, values.shape) for bound in (clip.lo, clip.hi))
        values = np.clip(values, lo, hi)
    if scheme.procedure is not None:
        return quantize_by_procedure(values, scheme, scheme.procedure)
    shape = scheme.qparams_shape(values.shape)
    qparams = unscaled(shape)
    if isinstance(scheme.number_format, CodebookFormat) and scheme.number_format.fit is not None:
        qparams = _fitted(values, scheme, scheme.number_format.fit)
    return QTensor(encode_values(values, qparams, scheme), qparams, scheme, values.shape)


def _fitted(values: Float32, scheme: Scheme, fit: Callable[[Float32, int], Float32]) -> QParams:
    """A codebook for each group of values."""
    shape, count = scheme.qparams_shape(values.shape), len(scheme.element.grid)
    books = np.empty((*shape, count), np.float32)
    flat = books.reshape(-1, count)
    for piece in scheme.grouping.pieces(values.shape):
        seen = piece.values(values)
        for index, group in piece.groups():
            flat[group] = fit(seen[index], count)
    return QParams(np.ones(shape, np.float32), np.zeros(shape, np.int32), codebook=books)
