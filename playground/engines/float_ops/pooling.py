"""Pools."""

from __future__ import annotations

from functools import reduce

import numpy as np

from playground.engines.float_ops._fast import larger
from playground.engines.float_ops._op import Array, Call, FloatOp
from playground.engines.float_ops._windows import windows
from playground.errors import UnsupportedError


def max_pool(call: Call, x: Array) -> Array:
    """The largest value of each window; padding never wins. Raises UnsupportedError if indices are asked for."""
    if call.outputs > 1:
        raise UnsupportedError("MaxPool with indices is not available here")
    geometry = windows(call, x.shape[2:], tuple(call.get("kernel_shape")))
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return reduce(larger, geometry.taps(geometry.pad(x, lowest))).copy()


def average_pool(call: Call, x: Array) -> Array:
    """The mean of each window, over its values alone or, with ``count_include_pad``, over the padding too."""
    geometry = windows(call, x.shape[2:], tuple(call.get("kernel_shape")))
    total = sum(geometry.taps(geometry.pad(x, 0)))
    inside = np.ones(x.shape[2:], x.dtype)
    if call.get("count_include_pad", 0):  # the padding counts, what ceil_mode adds behind it does not
        widths = list(zip(geometry.begins, geometry.ends, strict=True))
        padded = np.pad(np.pad(inside, widths, constant_values=1), [(0, more) for more in geometry.missing])
    else:
        padded = geometry.pad(inside, 0)
    return np.asarray(total / sum(geometry.taps(padded)), x.dtype)


def global_average_pool(call: Call, x: Array) -> Array:
    """The mean over all spatial axes, which are kept with size 1."""
    return np.mean(x, axis=tuple(range(2, x.ndim)), keepdims=True, dtype=x.dtype)


def global_max_pool(call: Call, x: Array) -> Array:
    """The largest value over all spatial axes, which are kept with size 1."""
    return np.asarray(np.max(x, axis=tuple(range(2, x.ndim)), keepdims=True))


OPS = (
    FloatOp("MaxPool", max_pool),
    FloatOp("AveragePool", average_pool),
    FloatOp("GlobalAveragePool", global_average_pool),
    FloatOp("GlobalMaxPool", global_max_pool),
)
