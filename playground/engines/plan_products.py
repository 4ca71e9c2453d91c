"""Planning of what multiplies by constant weights: Conv, Gemm, MatMul."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines import integer_ops as ops
from playground.engines import program as p
from playground.engines.plan_windows import window_of
from playground.engines.planner import KnownReal, Pending, Planner, Real
from playground.errors import UnsupportedError
from playground.model.graph import Node


@dataclass(frozen=True, slots=True, eq=False)
class _Weights:
    """Offsets (codes less zero-points) as int16 and one float32 scale per output channel."""

    offsets: NDArray[np.int16]
    scale: NDArray[np.float32]


def _weights(planner: Planner, name: str, channel_axis: int) -> _Weights:
    symbol = planner.symbol(name)
    if not isinstance(symbol, KnownReal):
        raise UnsupportedError("its weights are not quantized constants")
    if symbol.axis not in (None, channel_axis):
        raise UnsupportedError("its weights have scales along another axis than the output channels")
    offsets = symbol.codes.astype(np.int16) - symbol.zero_point.astype(np.int16)
    channels = symbol.codes.shape[channel_axis]
    scale = np.broadcast_to(symbol.scale.reshape(-1), (channels,))
    return _Weights(offsets, np.ascontiguousarray(scale, np.float32))


def _bias(planner: Planner, node: Node, x: Real, weights: _Weights) -> NDArray[np.int32]:
    """The bias in steps of ``x_scale * w_scale``: as stored if it is in those steps already, else rounded to them."""
    channels = weights.scale.size
    if len(node.inputs) < 3 or not node.inputs[2]:
        return np.zeros(channels, np.int32)
    steps = x.scale * weights.scale
    symbol = planner.symbol(node.inputs[2])
    if isinstance(symbol, KnownReal) and symbol.codes.dtype == np.int32 and not symbol.zero_point.any():
        stored = np.broadcast_to(symbol.scale.reshape(-1), (channels,)) if symbol.scale.size == 1 else symbol.scale
        if np.allclose(stored.reshape(-1), steps, rtol=1e-5, atol=0):
            return _per_channel(symbol.codes, channels)
    real = _per_channel(planner.known(node.inputs[2], "bias"), channels)
    limits = np.iinfo(np.int32)
    return np.clip(np.rint(real / steps.astype(np.float64)), limits.min, limits.max).astype(np.int32)


def _per_channel(bias: NDArray[Any], channels: int) -> NDArray[Any]:
    if bias.size not in (1, channels):
        raise UnsupportedError(f"its bias has shape {bias.shape}, not one value per output channel")
    return np.ascontiguousarray(np.broadcast_to(bias.reshape(-1), (channels,)))


def conv(planner: Planner, node: Node) -> Pending:
    """Conv with quantized input and constant quantized weights."""
    x = planner.real(node.inputs[0])
    shape = planner.values[x.value].shape
    if len(shape) != 4:
        raise UnsupportedError(f"its input has {len(shape)} axes; images (N, C, H, W) have 4")
    weights = _weights(planner, node.inputs[1], channel_axis=0)
    groups = int(node.attributes.get("group", 1))
    if weights.offsets.shape[1] * groups != shape[1]:
        raise UnsupportedError(f"weights of shape {weights.offsets.shape} in {groups} groups do not fit input {shape}")
    window = window_of(node, shape, weights.offsets.shape[2:])
    bias = _bias(planner, node, x, weights)
    out_shape = (shape[0], weights.scale.size, *window.out)

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        multiplier = x.scale * weights.scale / scale
        step = p.Conv((x.value,), output, window, groups, x.zero_point, weights.offsets, bias, multiplier, to)
        planner.emit(step, out_shape, to.dtype)

    return Pending(out_shape, emit)


def gemm(planner: Planner, node: Node) -> Pending:
    """Gemm without transA, alpha or beta."""
    if node.attributes.get("transA", 0) or any(node.attributes.get(a, 1.0) != 1.0 for a in ("alpha", "beta")):
        raise UnsupportedError("transA, alpha and beta are not handled")
    return _product(planner, node, transposed=bool(node.attributes.get("transB", 0)))


def matmul(planner: Planner, node: Node) -> Pending:
    """MatMul by a constant matrix."""
    return _product(planner, node, transposed=False)


def _product(planner: Planner, node: Node, transposed: bool) -> Pending:
    x = planner.real(node.inputs[0])
    shape = planner.values[x.value].shape
    if len(planner.shape(node.inputs[1])) != 2 or len(shape) < 2:
        raise UnsupportedError("only rows times a constant matrix are handled")
    weights = _weights(planner, node.inputs[1], channel_axis=0 if transposed else 1)
    matrix = np.ascontiguousarray(weights.offsets.T if transposed else weights.offsets)
    if matrix.shape[0] != shape[-1]:
        raise UnsupportedError(f"a matrix of shape {matrix.shape} does not fit input {shape}")
    bias = _bias(planner, node, x, weights)
    out_shape = (*shape[:-1], matrix.shape[1])

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        multiplier = x.scale * weights.scale / scale
        planner.emit(p.Product((x.value,), output, x.zero_point, matrix, bias, multiplier, to), out_shape, to.dtype)

    return Pending(out_shape, emit)
