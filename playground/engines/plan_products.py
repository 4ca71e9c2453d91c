"""Planning of products: Conv, Gemm and MatMul by constant weights, MatMul of two computed values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines import integer_ops as ops
from playground.engines import plan_dynamic as dynamic
from playground.engines import program as p
from playground.engines.plan_windows import window_of
from playground.engines.planner import Codes, Constant, ConstantDequantized, Deferred, Dequantized, Dynamic, Planner
from playground.errors import UnsupportedError
from playground.model.graph import Node


@dataclass(frozen=True, slots=True, eq=False)
class _Weights:
    """Offsets (codes less zero-points) as int16 and one float32 scale per output channel."""

    offsets: NDArray[np.int16]
    scale: NDArray[np.float32]


def _weights(planner: Planner, name: str, channel_axis: int) -> _Weights:
    symbol = planner.symbol(name)
    if not isinstance(symbol, ConstantDequantized):
        raise UnsupportedError("its weights are not quantized constants")
    if symbol.axis not in (None, channel_axis):
        raise UnsupportedError("its weights have scales along another axis than the output channels")
    offsets = symbol.codes.astype(np.int16) - symbol.zero_point.astype(np.int16)
    channels = symbol.codes.shape[channel_axis]
    scale = np.broadcast_to(symbol.scale.reshape(-1), (channels,))
    return _Weights(offsets, np.ascontiguousarray(scale, np.float32))


def _bias(planner: Planner, node: Node, x: Dequantized, weights: _Weights) -> NDArray[np.int32]:
    """The bias in steps of ``x_scale * w_scale``: as stored if it is in those steps already, else rounded to them.

    A float bias is off by at most half a step then, far less than one code of the output.
    """
    channels = weights.scale.size
    if len(node.inputs) < 3 or not node.inputs[2]:
        return np.zeros(channels, np.int32)
    steps = x.scale * weights.scale
    symbol = planner.symbol(node.inputs[2])
    if isinstance(symbol, ConstantDequantized) and symbol.codes.dtype == np.int32 and not symbol.zero_point.any():
        stored = np.broadcast_to(symbol.scale.reshape(-1), (channels,)) if symbol.scale.size == 1 else symbol.scale
        if np.allclose(stored.reshape(-1), steps, rtol=1e-5, atol=0):
            return _per_channel(symbol.codes, channels)
    return _in_steps(_per_channel(planner.known(node.inputs[2], "bias"), channels), steps)


def _in_steps(real: NDArray[Any], steps: NDArray[np.float32], to: NDArray[np.int32] | int = 0) -> NDArray[np.int32]:
    """A real bias rounded to whole steps and added to another one; UnsupportedError if int32 cannot hold that."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        codes = np.where(real == 0, 0, np.rint(real / steps.astype(np.float64))) + to
    limits = np.iinfo(np.int32)
    if not ((codes >= limits.min) & (codes <= limits.max)).all():
        raise UnsupportedError("its bias does not fit into 32 bits in steps of input scale times weight scale")
    return codes.astype(np.int32)


def _per_channel(bias: NDArray[Any], channels: int) -> NDArray[Any]:
    if bias.size not in (1, channels):
        raise UnsupportedError(f"its bias has shape {bias.shape}, not one value per output channel")
    return np.ascontiguousarray(np.broadcast_to(bias.reshape(-1), (channels,)))


def conv(planner: Planner, node: Node) -> Deferred:
    """Conv with quantized input and constant quantized weights."""
    x = planner.real(node.inputs[0])
    weights = _weights(planner, node.inputs[1], channel_axis=0)
    return _conv(planner, node, x, weights, _bias(planner, node, x, weights))


def _window(node: Node, shape: tuple[int, ...], weights: _Weights) -> ops.Window:
    if len(shape) != 4:
        raise UnsupportedError(f"its input has {len(shape)} axes; images (N, C, H, W) have 4")
    groups = int(node.attributes.get("group", 1))
    if weights.offsets.shape[1] * groups != shape[1]:
        raise UnsupportedError(f"weights of shape {weights.offsets.shape} in {groups} groups do not fit input {shape}")
    return window_of(node, shape, weights.offsets.shape[2:])


def _conv(
    planner: Planner,
    node: Node,
    x: Dequantized,
    weights: _Weights,
    bias: NDArray[np.int32],
    *,
    window: ops.Window | None = None,
) -> Deferred:
    shape = planner.values[x.value].shape
    window, groups = window or _window(node, shape, weights), int(node.attributes.get("group", 1))
    out_shape = (shape[0], weights.scale.size, *window.out)

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        multiplier = x.scale * weights.scale / scale
        step = p.Conv((x.value,), output, window, groups, x.zero_point, weights.offsets, bias, multiplier, to)
        planner.emit(step, out_shape, to.dtype)

    return Deferred(out_shape, emit)


def gemm(planner: Planner, node: Node) -> Deferred:
    """Gemm without transA, alpha or beta."""
    if node.attributes.get("transA", 0) or any(node.attributes.get(a, 1.0) != 1.0 for a in ("alpha", "beta")):
        raise UnsupportedError("transA, alpha and beta are not handled")
    transposed = bool(node.attributes.get("transB", 0))
    x = planner.real(node.inputs[0])
    weights = _weights(planner, node.inputs[1], channel_axis=0 if transposed else 1)
    if transposed:
        weights = _Weights(np.ascontiguousarray(weights.offsets.T), weights.scale)
    return _product(planner, x, weights, _bias(planner, node, x, weights))


def matmul(planner: Planner, node: Node) -> Deferred:
    """MatMul by a constant matrix, or of two values."""
    right = planner.symbol(node.inputs[1])
    if not isinstance(right, (Constant, ConstantDequantized)) or len(planner.shape(node.inputs[1])) != 2:
        return _pair(planner, *(planner.codes(name) for name in node.inputs))
    x = planner.real(node.inputs[0])
    weights = _weights(planner, node.inputs[1], channel_axis=1)
    return _product(planner, x, weights, np.zeros(weights.scale.size, np.int32))


def matmul_integer(planner: Planner, node: Node) -> Codes | Dynamic:
    """MatMulInteger: the sums themselves."""
    codes = dynamic.codes_of(planner, node, 0, 2)
    if codes is not None:
        return _dynamic_sums(planner, node, codes)
    a = _integers(planner, node, 0, 2)
    if isinstance(planner.symbol(node.inputs[1]), Constant) and len(planner.shape(node.inputs[1])) == 2:
        weights = _matrix(planner, node)
        pending = _product(planner, a, weights, np.zeros(weights.scale.size, np.int32))
    else:
        pending = _pair(planner, a, _integers(planner, node, 1, 3))
    return _sums(pending, node)


def _dynamic_sums(planner: Planner, node: Node, codes: Dynamic) -> Dynamic:
    """The sums of codes that keep their zero-point, and what takes it off later."""
    is_conv = node.op == "ConvInteger"
    weights = _filters(planner, node) if is_conv else _matrix(planner, node)
    bias = np.zeros(weights.scale.size, np.int32)
    if is_conv:
        shape = planner.values[codes.source].shape
        x, window = dynamic.padded(planner, codes, _window(node, shape, weights))
        pending = _conv(planner, node, Dequantized(x, np.float32(1), 0), weights, bias, window=window)
    else:
        pending = _product(planner, Dequantized(codes.value, np.float32(1), 0), weights, bias)
    held = _sums(pending, node).value
    summed = (1, 2, 3) if is_conv else 0
    column_sums = weights.offsets.sum(axis=summed, dtype=np.int32)
    return Dynamic(held, "sums", codes.found, column_sums=column_sums, axis=1 if is_conv else -1)


def _matrix(planner: Planner, node: Node) -> _Weights:
    return _plain_weights(planner, node, 3, lambda points: points.reshape(1, -1))


def _filters(planner: Planner, node: Node) -> _Weights:
    return _plain_weights(planner, node, 3, lambda points: points.reshape(-1, 1, 1, 1), channel_axis=0)


def conv_integer(planner: Planner, node: Node) -> Codes | Dynamic:
    """ConvInteger with constant weights: the sums themselves."""
    codes = dynamic.codes_of(planner, node, 0, 2)
    if codes is not None:
        return _dynamic_sums(planner, node, codes)
    weights = _filters(planner, node)
    pending = _conv(planner, node, _integers(planner, node, 0, 2), weights, np.zeros(weights.scale.size, np.int32))
    return _sums(pending, node)


def _sums(pending: Deferred, node: Node) -> Codes:
    pending.emit(node.outputs[0], np.float32(1), ops.Target("int32"))
    return Codes(node.outputs[0])


def _points(planner: Planner, node: Node, place: int) -> NDArray[Any]:
    given = len(node.inputs) > place and node.inputs[place]
    return planner.known(node.inputs[place], "zero-point") if given else np.zeros((), np.int8)


def _integers(planner: Planner, node: Node, place: int, point: int) -> Dequantized:
    """An input of codes with its zero-point, its scale being 1."""
    symbol, points = planner.symbol(node.inputs[place]), _points(planner, node, point)
    if points.size != 1:
        raise UnsupportedError("a zero-point for every row is not handled")
    value = symbol.value if isinstance(symbol, Codes) else ""
    if isinstance(symbol, Constant):
        value = planner.constant(node.inputs[place], symbol.array)
    if not value or planner.values[value].dtype not in ("int8", "uint8"):
        raise UnsupportedError("its input holds no codes of 8 bits")
    return Dequantized(value, np.float32(1), int(points.reshape(-1)[0]))


def _plain_weights(
    planner: Planner, node: Node, point: int, shaped: Callable[[NDArray[Any]], NDArray[Any]], channel_axis: int = 1
) -> _Weights:
    codes, points = planner.known(node.inputs[1], "weights"), _points(planner, node, point).astype(np.int16)
    offsets = codes.astype(np.int16) - (points.reshape(()) if points.size == 1 else shaped(points))
    return _Weights(offsets, np.ones(codes.shape[channel_axis], np.float32))


def _product(planner: Planner, x: Dequantized, weights: _Weights, bias: NDArray[np.int32]) -> Deferred:
    shape, matrix = planner.values[x.value].shape, weights.offsets
    if matrix.ndim != 2 or len(shape) < 2:
        raise UnsupportedError("only rows times a constant matrix are handled")
    if matrix.shape[0] != shape[-1]:
        raise UnsupportedError(f"a matrix of shape {matrix.shape} does not fit input {shape}")
    out_shape = (*shape[:-1], matrix.shape[1])

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        multiplier = x.scale * weights.scale / scale
        planner.emit(p.Product((x.value,), output, x.zero_point, matrix, bias, multiplier, to), out_shape, to.dtype)

    def plus(real: NDArray[np.float32]) -> Deferred:
        return _product(planner, x, weights, _in_steps(_per_channel(real, bias.size), x.scale * weights.scale, bias))

    return Deferred(out_shape, emit, plus=plus)


def _pair(planner: Planner, a: Dequantized, b: Dequantized) -> Deferred:
    left, right = planner.values[a.value].shape, planner.values[b.value].shape
    if min(len(left), len(right)) < 2 or left[-1] != right[-2]:
        raise UnsupportedError(f"a product of shapes {left} and {right} is not handled")
    out_shape = (*np.broadcast_shapes(left[:-2], right[:-2]), left[-2], right[-1])

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        multiplier = np.float32(a.scale * b.scale / scale)
        step = p.ActivationMatMul((a.value, b.value), output, (a.zero_point, b.zero_point), multiplier, to)
        planner.emit(step, out_shape, to.dtype)

    return Deferred(out_shape, emit)
