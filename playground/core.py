"""Quantization of arrays with given ranges. Home of the names that the rest of the package imports.

``real = scale * (decode(code) - zero_point) + offset``. Ranges are always given here; finding one is the work of
``calibration``. What implementations do differently is data in ``presets``; what a code may be is data in
``number_formats``.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from playground.arrays import as_float32, require_values
from playground.encoding import encode
from playground.qparams import choose_qparams, clip_limits, levels
from playground.qtensor import Factors, QParams, QTensor, Range, dequantize
from playground.scheme import Scheme

__all__ = [
    "Factors",
    "QParams",
    "QTensor",
    "Range",
    "Scheme",
    "choose_qparams",
    "clip_limits",
    "dequantize",
    "encode",
    "levels",
    "quantize_within",
]


def quantize_within(x: ArrayLike, range: Range, scheme: Scheme, *, zero_point: int | None = None) -> QTensor:  # noqa: A002
    """Quantize values with a range for every scale.

    Args:
        x: real numbers of any shape and type.
        range: what the codes have to cover: one number, or arrays of the scales' shape.
        scheme: how.
        zero_point: use this zero-point; needs an asymmetric scheme.

    Raises:
        InvalidInputError: x has no values, or NaN or infinite ones; or the range or the scheme does not fit it.
    """
    values = require_values(as_float32(x))
    qparams = choose_qparams(range.for_shape(values.shape, scheme), scheme, zero_point=zero_point)
    return QTensor(encode(values, qparams, scheme), qparams, scheme, values.shape)
