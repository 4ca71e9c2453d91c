"""Matrix products and convolutions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from playground.engines.float_ops._fast import batched_product, product
from playground.engines.float_ops._op import Array, Call, FloatOp
from playground.engines.float_ops._windows import Windows, windows
from playground.errors import InvalidInputError


def matmul(call: Call, a: Array, b: Array) -> Array:
    """NumPy's matmul, which is ONNX's."""
    if a.ndim > 1 and b.ndim == 2:
        return product(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[1])
    return np.asarray(np.matmul(np.ascontiguousarray(a), np.ascontiguousarray(b)))  # turned ones would be slow


def gemm(call: Call, a: Array, b: Array, c: Array | None = None) -> Array:
    """Alpha * A @ B + beta * C, A and B transposed if asked."""
    a, b = (a.T if call.get("transA", 0) else a), (b.T if call.get("transB", 0) else b)
    y = product(a, b)
    alpha, beta = call.get("alpha", 1.0), call.get("beta", 1.0)
    if alpha != 1:
        y *= y.dtype.type(alpha)
    if c is not None and beta != 0:
        y += c if beta == 1 else y.dtype.type(beta) * c
    return y


def conv(call: Call, x: Array, w: Array, bias: Array | None = None) -> Array:
    """Convolution over any number of spatial axes.

    Args:
        call: ``group``, ``strides``, ``dilations``, ``pads`` or ``auto_pad``.
        x: (batch, channels, *spatial).
        w: (filters, channels / group, *kernel).
        bias: (filters,).
    """
    group, kernel = call.get("group", 1), w.shape[2:]
    if x.ndim != w.ndim or x.shape[1] != w.shape[1] * group or w.shape[0] % group:
        raise InvalidInputError(f"weights {list(w.shape)} in {group} groups do not fit values {list(x.shape)}")
    geometry = windows(call, x.shape[2:], kernel)
    padded = geometry.pad(x, 0)
    depthwise = w.shape[1] == 1 and group > 1
    y = _depthwise(padded, w, geometry) if depthwise else _grouped(padded, w, geometry, group)
    if bias is not None:
        y += bias.reshape(-1, *(1,) * len(kernel))
    return y


LONG = 32
"""A last axis of this length keeps NumPy busy in its inner loop."""


def _depthwise(padded: Array, w: Array, geometry: Windows) -> Array:
    """One input channel a group: a sum over kernel positions beats a product of thin matrices."""
    filters, channels = w.shape[0], padded.shape[1]
    if filters != channels:
        padded = np.repeat(padded, filters // channels, axis=1)
    batch, spatial = padded.shape[0], len(geometry.out)
    # Short rows would spend the time between NumPy's inner loops: then the samples or the channels lie last meanwhile
    order = (0, 1) if geometry.out[-1] >= LONG else (-1, -2) if batch >= filters else (-2, -1)
    moved = np.moveaxis(np.ascontiguousarray(np.moveaxis(padded, (0, 1), order)), order, (0, 1))
    taps = w.reshape(filters, -1, *(1,) * spatial)
    parts = (view * taps[:, position] for position, view in enumerate(geometry.taps(moved)))
    y = next(parts)  # ufuncs keep the order of axes in memory
    for part in parts:
        y += part
    return np.ascontiguousarray(y)


def _grouped(padded: Array, w: Array, geometry: Windows, group: int) -> Array:
    """im2col, then matrix products."""
    batch, channels = padded.shape[:2]
    taps = math.prod(geometry.kernel)
    columns = np.empty((batch, channels, taps, *geometry.out), padded.dtype)
    for position, view in enumerate(geometry.taps(padded)):
        columns[:, :, position] = view
    columns = columns.reshape(batch, group, channels // group * taps, -1)
    kernels = w.reshape(group, w.shape[0] // group, -1)
    return batched_product(kernels, columns).reshape(batch, w.shape[0], *geometry.out)


def conv_transpose(call: Call, x: Array, w: Array, bias: Array | None = None) -> Array:
    """The transpose of a convolution: every input value adds a scaled kernel to the output.

    Args:
        call: ``group``, ``strides``, ``dilations``, ``pads`` or ``auto_pad``, ``output_padding``, ``output_shape``.
        x: (batch, channels, *spatial).
        w: (channels, filters / group, *kernel).
        bias: (filters,).
    """
    group, kernel = call.get("group", 1), w.shape[2:]
    batch, channels = x.shape[:2]
    if channels != w.shape[0] or channels % group:
        raise InvalidInputError(f"weights {list(w.shape)} in {group} groups do not fit values {list(x.shape)}")
    strides, dilations = call.get("strides") or [1] * len(kernel), call.get("dilations") or [1] * len(kernel)
    full = [s * (n - 1) + (k - 1) * d + 1 for n, k, s, d in zip(x.shape[2:], kernel, strides, dilations, strict=True)]
    begins, out = _cut(call, x.shape[2:], full, strides)
    room = [max(size, begin + kept) for size, begin, kept in zip(full, begins, out, strict=True)]
    y = np.zeros((batch, w.shape[1] * group, *room), x.dtype)
    values = x.reshape(batch, group, channels // group, -1)
    kernels = np.moveaxis(w.reshape(group, channels // group, w.shape[1], -1), 1, 2)
    for tap, position in enumerate(np.ndindex(*kernel)):
        part = np.matmul(kernels[..., tap], values).reshape(batch, -1, *x.shape[2:])
        starts = zip(position, dilations, strides, x.shape[2:], strict=True)
        hit: tuple[Any, ...] = (..., *(slice(p * d, p * d + s * (n - 1) + 1, s) for p, d, s, n in starts))
        y[hit] += part
    inside: tuple[Any, ...] = (..., *(slice(begin, begin + kept) for begin, kept in zip(begins, out, strict=True)))
    kept = np.asarray(y[inside])
    return kept if bias is None else kept + bias.reshape(-1, *(1,) * len(kernel))


def _cut(call: Call, sizes: tuple[int, ...], full: list[int], strides: list[int]) -> tuple[list[int], list[int]]:
    """Of the ``full`` output of a transposed convolution: where what is kept begins, and its sizes."""
    rank, mode = len(sizes), call.get("auto_pad", "NOTSET")
    extra = call.get("output_padding") or [0] * rank
    if mode in ("NOTSET", "") and not call.get("output_shape"):
        pads = call.get("pads") or [0] * (2 * rank)
        begins, ends = pads[:rank], pads[rank:]
        return begins, [n + e - b - a for n, e, b, a in zip(full, extra, begins, ends, strict=True)]
    if mode == "VALID":
        return [0] * rank, [n + e for n, e in zip(full, extra, strict=True)]
    out = call.get("output_shape") or [n * s for n, s in zip(sizes, strides, strict=True)]
    sums = [max(0, n + e - kept) for n, e, kept in zip(full, extra, out, strict=True)]
    return [total // 2 if mode == "SAME_UPPER" else total - total // 2 for total in sums], list(out)


OPS = (
    FloatOp("MatMul", matmul),
    FloatOp("Gemm", gemm),
    FloatOp("Conv", conv),
    FloatOp("ConvTranspose", conv_transpose),
)
