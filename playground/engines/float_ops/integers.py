"""ONNX's integer operators: the arithmetic of ``integer_ops`` and ``dynamic_ops``, with zero-points as ONNX gives them.

Both are imported when such an operator runs: the first view needs no integer engine.
"""

from __future__ import annotations

import numpy as np

from playground.engines.float_ops._op import Array, Call, FloatOp
from playground.engines.float_ops.linear import conv


def matmul_integer(call: Call, a: Array, b: Array, a_zero: Array | None = None, b_zero: Array | None = None) -> Array:
    """int32 sums of products of offsets; a's zero-point is a number or one a row, b's a number or one a column."""
    from playground.engines import integer_ops as ops

    rows = _point(a_zero)
    return ops.matmul_integer(a, b, rows[..., None] if rows.ndim == 1 else rows, _point(b_zero))


def conv_integer(call: Call, x: Array, w: Array, x_zero: Array | None = None, w_zero: Array | None = None) -> Array:
    """int32 sums of products of offsets, exact in float64; w's zero-point is a number or one a filter."""
    filters = _point(w_zero).reshape(-1, *(1,) * (w.ndim - 1))
    sums = conv(call, x - _point(x_zero).astype(np.float64), w - filters.astype(np.float64))
    return sums.astype(np.int64).astype(np.int32)


def qlinear_matmul(call: Call, *inputs: Array) -> Array:
    """MatMulInteger, scaled by ``a_scale * b_scale / y_scale`` (in that order) and rounded to y's codes."""
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = inputs
    sums = matmul_integer(call, a, b, a_zero, b_zero)
    rows = a_scale[..., None] if a_scale.ndim == 1 and a_scale.size > 1 else a_scale
    return _requantized(sums, rows * b_scale / y_scale, y_zero)


def qlinear_conv(call: Call, *inputs: Array) -> Array:
    """ConvInteger plus an int32 bias, scaled by ``x_scale * w_scale / y_scale`` and rounded to y's codes."""
    from playground.engines import integer_ops as ops

    x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, *bias = inputs
    sums = conv_integer(call, x, w, x_zero, w_zero)
    channels = (-1, *(1,) * (x.ndim - 2))
    if bias and bias[0] is not None:
        sums = ops.add_bias(sums, bias[0].reshape(channels))
    return _requantized(sums, (x_scale * w_scale.reshape(channels)) / y_scale, y_zero)


def dynamic_quantize_linear(call: Call, x: Array) -> tuple[Array, Array, Array]:
    """uint8 codes of the tensor's own range, widened to hold 0; also their scale and zero-point."""
    from playground.engines import dynamic_ops as ops

    found = ops.dynamic_range(x)
    return ops.dynamic_quantize(x, found), np.asarray(found[0]), found[1].astype(np.uint8)


def _point(given: Array | None) -> Array:
    """A zero-point: a number where there is one for all, 0 where none is given."""
    if given is None:
        return np.zeros((), np.int8)
    return given.reshape(()) if given.size == 1 else given


def _requantized(sums: Array, multiplier: Array, zero_point: Array) -> Array:
    from playground.engines import integer_ops as ops

    limits, point = np.iinfo(zero_point.dtype), int(zero_point.reshape(()))
    single = multiplier.reshape(()) if multiplier.size == 1 else multiplier
    to = ops.Target(zero_point.dtype.name, point, limits.min - point, limits.max - point)
    return ops.requantize(sums, single, to)


OPS = (
    FloatOp("MatMulInteger", matmul_integer),
    FloatOp("ConvInteger", conv_integer),
    FloatOp("QLinearMatMul", qlinear_matmul),
    FloatOp("QLinearConv", qlinear_conv),
    FloatOp("DynamicQuantizeLinear", dynamic_quantize_linear),
)
