"""What NumPy does slowly in the browser (it has no BLAS there, and few vector loops), done otherwise there."""

from __future__ import annotations

import numpy as np

from playground import host
from playground.host.kernel import FLAG, Kernel, Words, floats
from playground.programs.call import Array
from playground.programs.float_products import STRIP, padded_columns
from playground.programs.kernel_parts import float_product

_STRIPS = 4
"""Strips that the kernel packs at a time where weights are not packed."""


def _matrices(w: Words) -> int:
    return 1 if w["matrices"] == 1 else int(w["batch"])


def plain_scratch(depth: int) -> int:
    """Bytes of the room in which the kernel packs weights."""
    return 4 * STRIP * _STRIPS * depth


GEMM_FLOATS = Kernel(
    "k_gemm_f32",
    {"x": floats("batch", "rows", "depth"), "scratch": lambda w: plain_scratch(int(w["depth"]))},
    ranges={"is_packed": FLAG},
    rules=(lambda w: None if w["is_packed"] or w["scratch"] is not None else "weights are packed nowhere",),
    optional=frozenset({"scratch"}),
    parts=(
        float_product(
            _matrices,
            lambda w: int(w["depth"]),
            lambda w: int(w["batch"] * w["rows"]),
            packed=lambda w: int(w["is_packed"]),
        ),
    ),
)

SMALL = 1 << 14
"""Multiplications below which calling the kernel costs more than it saves."""


def product(a: Array, b: Array) -> Array:
    """``a @ b`` of two matrices.

    In the browser NumPy does about one multiply-add a nanosecond; ``k_gemm_f32`` is several times as fast.
    """
    float32 = a.dtype == np.float32 and b.dtype == np.float32
    if host.numpy_is_slow() and float32 and a.size * b.shape[1] >= SMALL:
        return kernel_product(a, b)
    return np.asarray(np.matmul(a, b))


def batched_product(kernels: Array, columns: Array) -> Array:
    """``kernels @ columns`` for every sample.

    Args:
        kernels: (group, filters, depth).
        columns: (batch, group, depth, windows).

    Returns:
        (batch, group, filters, windows). In the browser all samples go through one product a group.
    """
    if not host.numpy_is_slow():
        return np.asarray(np.matmul(kernels, columns))
    batch, group, depth, count = columns.shape
    y = np.empty((batch, group, kernels.shape[1], count), columns.dtype)
    for index, kernel in enumerate(kernels):
        joined = columns[:, index].swapaxes(0, 1).reshape(depth, batch * count)
        y[:, index] = product(kernel, joined).reshape(-1, batch, count).swapaxes(0, 1)
    return y


def kernel_product(a: Array, b: Array) -> Array:
    """``a @ b`` of two float32 matrices by ``k_gemm_f32``: summed over depth in order. ValueError as NumPy's."""
    (rows, depth), (inner, columns) = a.shape, b.shape
    if depth != inner:
        raise ValueError(f"matrices of shape {a.shape} and {b.shape} have no product")
    kernels = host.kernels()
    bias = padded_columns(np.zeros(columns, np.float32))
    x, weights, bias = (kernels.resident(array) for array in (a, b, bias))
    scratch = kernels.empty((plain_scratch(depth),), np.uint8)
    out = kernels.empty((rows, columns), np.float32)
    given = {
        "weights": weights,
        "bias": bias,
        "columns": columns,
        "alpha": 1.0,
        "lo": -np.inf,
        "hi": np.inf,
        "out": out,
    }
    counts = {"batch": 1, "rows": rows, "depth": depth, "matrices": 1, "is_packed": 0}
    kernels.call(GEMM_FLOATS, x=x, **counts, product=given, scratch=scratch)
    return np.asarray(out)


def larger(a: Array, b: Array) -> Array:
    """The larger of each pair, NaN where ``a`` is. In the browser a comparison and a choice, four times as fast."""
    return np.where(a < b, b, a) if host.numpy_is_slow() else np.asarray(np.maximum(a, b))
