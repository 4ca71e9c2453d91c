"""Softmax, normalisations, reductions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from playground.engines.float_ops._op import Array, Call, FloatOp
from playground.errors import UnsupportedError


def _log_softmax(call: Call, x: Array) -> Array:
    """Along one axis; before opset 13 over all axes from that one on (default 1 instead of the last)."""
    if call.opset >= 13:
        axes: tuple[int, ...] = (call.get("axis", -1),)
    else:
        first = call.get("axis", 1)
        axes = tuple(range(first % x.ndim, x.ndim))
    shifted = x - x.max(axis=axes, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=axes, keepdims=True)))


def softmax(call: Call, x: Array) -> Array:
    """exp(x) / sum(exp(x)), without overflow."""
    return np.exp(_log_softmax(call, x))


def log_softmax(call: Call, x: Array) -> Array:
    """The logarithm of softmax."""
    return _log_softmax(call, x)


def batch_normalization(call: Call, x: Array, *parameters: Array) -> Array:
    """Inference with given scale, bias, mean, variance (each per channel). Raises UnsupportedError in training mode."""
    if call.get("training_mode", 0) or call.outputs > 1:
        raise UnsupportedError("BatchNormalization in training mode is not available here")
    scale, bias, mean, variance = parameters
    factor = scale / np.sqrt(variance + variance.dtype.type(call.get("epsilon", 1e-5)))
    shape = (-1, *(1,) * (x.ndim - 2))
    return np.asarray(x * factor.reshape(shape) + (bias - mean * factor).reshape(shape))


def layer_normalization(
    call: Call, x: Array, scale: Array, bias: Array | None = None
) -> Array | tuple[Array, Array, Array]:
    """Mean 0 and variance 1 over the axes from ``axis`` on, then scale and bias; also mean and 1 / deviation."""
    axes = tuple(range(call.get("axis", -1) % x.ndim, x.ndim))
    mean = x.mean(axis=axes, keepdims=True)
    centred = x - mean
    inverse = 1 / np.sqrt(
        np.mean(centred * centred, axis=axes, keepdims=True) + x.dtype.type(call.get("epsilon", 1e-5))
    )
    y = centred * inverse * scale
    if bias is not None:
        y = y + bias
    return (y, mean, inverse)[: call.outputs] if call.outputs > 1 else y


def _reduction(function: Callable[..., Array]) -> Callable[..., Array]:
    def run(call: Call, x: Array, given: Array | None = None) -> Array:
        axes = call.axes(given)
        if not axes and call.get("noop_with_empty_axes", 0):
            return x
        reduced = function(x, axis=tuple(axes) if axes else None, keepdims=bool(call.get("keepdims", 1)))
        return np.asarray(reduced, x.dtype)

    return run


def arg_max(call: Call, x: Array) -> Array:
    """Index of the largest value along an axis, int64; the first one of equals, or the last if asked."""
    axis = call.get("axis", 0)
    if call.get("select_last_index", 0):
        found = x.shape[axis] - 1 - np.argmax(np.flip(x, axis), axis)
    else:
        found = np.argmax(x, axis)
    found = np.asarray(found, np.int64)
    return np.expand_dims(found, axis) if call.get("keepdims", 1) else found


OPS = (
    FloatOp("Softmax", softmax),
    FloatOp("LogSoftmax", log_softmax),
    FloatOp("BatchNormalization", batch_normalization),
    FloatOp("LayerNormalization", layer_normalization),
    FloatOp("ReduceMean", _reduction(np.mean)),
    FloatOp("ReduceSum", _reduction(np.sum)),
    FloatOp("ReduceMax", _reduction(np.max)),
    FloatOp("ReduceMin", _reduction(np.min)),
    FloatOp("ArgMax", arg_max),
)
