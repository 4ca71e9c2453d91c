"""ONNX's integer operators, by their specification: exact sums of products, and one rounding at the end."""

from __future__ import annotations

import numpy as np

from playground.engines.float_ops._op import Array, Call, FloatOp
from playground.engines.float_ops.linear import conv


def matmul_integer(call: Call, a: Array, b: Array, a_zero: Array | None = None, b_zero: Array | None = None) -> Array:
    """int32 sums of products of offsets; a's zero-point is a number or one a row, b's a number or one a column."""
    left, right = _offsets(a, a_zero, row=True), _offsets(b, b_zero)
    return np.asarray(np.matmul(left, right).astype(np.int64).astype(np.int32))


def conv_integer(call: Call, x: Array, w: Array, x_zero: Array | None = None, w_zero: Array | None = None) -> Array:
    """int32 sums of products of offsets; w's zero-point is a number or one a filter."""
    filters = None if w_zero is None else w_zero.reshape(-1, *(1,) * (w.ndim - 1))
    return conv(call, _offsets(x, x_zero), _offsets(w, filters)).astype(np.int64).astype(np.int32)


def qlinear_matmul(call: Call, *inputs: Array) -> Array:
    """MatMulInteger, scaled by ``a_scale * b_scale / y_scale`` (in that order) and rounded to y's codes."""
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = inputs
    sums = matmul_integer(call, a, b, a_zero, b_zero)
    rows = a_scale[..., None] if a_scale.ndim == 1 and a_scale.size > 1 else a_scale
    return _requantized(sums, rows * b_scale / y_scale, y_zero)


def qlinear_conv(call: Call, *inputs: Array) -> Array:
    """ConvInteger plus an int32 bias, scaled by ``x_scale * w_scale / y_scale`` and rounded to y's codes."""
    x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, *bias = inputs
    sums = conv_integer(call, x, w, x_zero, w_zero)
    channels = (-1, *(1,) * (x.ndim - 2))
    if bias and bias[0] is not None:
        sums = (sums.astype(np.int64) + bias[0].reshape(channels)).astype(np.int32)
    return _requantized(sums, (x_scale * w_scale.reshape(channels)) / y_scale, y_zero)


def dynamic_quantize_linear(call: Call, x: Array) -> tuple[Array, Array, Array]:
    """uint8 codes of the tensor's own range, widened to hold 0; also their scale and zero-point."""
    low, high = np.minimum(x.min(), np.float32(0)), np.maximum(x.max(), np.float32(0))
    scale = np.asarray((high - low) / np.float32(255), np.float32)
    if scale == 0:
        scale = np.asarray(1, np.float32)
    zero_point = np.clip(np.rint(-low / scale), 0, 255).astype(np.uint8)
    codes = np.clip(np.rint(x / scale) + np.float32(zero_point), 0, 255).astype(np.uint8)
    return codes, scale, np.asarray(zero_point)


def _offsets(codes: Array, zero_point: Array | None, *, row: bool = False) -> Array:
    """Codes less their zero-point, in float64, which holds every sum of their products exactly."""
    if zero_point is None:
        return codes.astype(np.float64)
    if row and zero_point.ndim == 1 and zero_point.size > 1:
        zero_point = zero_point[:, None]
    elif zero_point.size == 1:
        zero_point = zero_point.reshape(())
    return np.asarray(codes.astype(np.float64) - zero_point.astype(np.float64))


def _requantized(sums: Array, multiplier: Array, zero_point: Array) -> Array:
    limits = np.iinfo(zero_point.dtype)
    single = multiplier.reshape(()) if multiplier.size == 1 else multiplier
    steps = np.rint(sums.astype(np.float32) * single.astype(np.float32)) + zero_point.reshape(()).astype(np.float32)
    return np.asarray(np.clip(steps, limits.min, limits.max).astype(zero_point.dtype))


OPS = (
    FloatOp("MatMulInteger", matmul_integer),
    FloatOp("ConvInteger", conv_integer),
    FloatOp("QLinearMatMul", qlinear_matmul),
    FloatOp("QLinearConv", qlinear_conv),
    FloatOp("DynamicQuantizeLinear", dynamic_quantize_linear),
)
