"""Planning of what works on rows: Softmax, LayerNormalization, and means over any axes."""

from __future__ import annotations

import numpy as np

from playground.engines import integer_ops as ops
from playground.engines import program as p
from playground.engines.interpreter import OPS
from playground.engines.plan_elementwise import call_of, folded, is_constant
from playground.engines.plan_moves import turned, viewed
from playground.engines.plan_windows import averaged, reshaped
from playground.engines.planner import Codes, Deferred, Dequantized, Planner, Symbol
from playground.engines.row_ops import exp_table
from playground.errors import UnsupportedError
from playground.model.graph import Node


def float_tail(planner: Planner, node: Node) -> Symbol:
    """An operator that stays in float32, at the end of a model; it is the interpreter's own."""
    source = planner.floating(node.inputs[0])
    shape, output = planner.values[source].shape, node.outputs[0]
    planner.emit(p.Float((source,), output, OPS[node.op], call_of(planner, node)), shape, "float32")
    return Codes(output)


def softmax(planner: Planner, node: Node) -> Symbol:
    """Softmax of quantized values along the last axis; else a float operator at the end."""
    symbol = planner.symbol(node.inputs[0])
    rank = len(planner.shape(node.inputs[0]))
    axis = int(node.attributes.get("axis", -1 if planner.graph.opset >= 13 else 1)) % rank
    if not isinstance(symbol, Dequantized) or axis != rank - 1:
        return float_tail(planner, node)
    shape = planner.values[symbol.value].shape
    exps = exp_table(float(symbol.scale))

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        ratio = np.float32(1) / np.float32(scale)
        planner.emit(p.Softmax((symbol.value,), output, exps, np.float32(ratio), to), shape, to.dtype)

    return Deferred(shape, emit)


def layer_normalization(planner: Planner, node: Node) -> Deferred:
    """LayerNormalization over the last axis with constant scale and bias."""
    x = planner.real(node.inputs[0])
    shape = planner.values[x.value].shape
    if any(node.outputs[1:]):
        raise UnsupportedError("its outputs for training are not handled")
    if int(node.attributes.get("axis", -1)) % len(shape) != len(shape) - 1:
        raise UnsupportedError("only normalization over the last axis is handled")
    gamma = planner.known(node.inputs[1], "scale").astype(np.float32)
    given = len(node.inputs) > 2 and node.inputs[2]
    beta = planner.known(node.inputs[2], "bias").astype(np.float32) if given else np.zeros_like(gamma)
    if gamma.size != shape[-1] or beta.size != shape[-1]:
        raise UnsupportedError(f"its scale has shape {gamma.shape}, not one value for each of {shape[-1]} columns")
    epsilon = np.float32(np.float64(node.attributes.get("epsilon", 1e-5)) / np.float64(x.scale) ** 2)

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        over = (gamma.reshape(-1) / scale, beta.reshape(-1) / scale)
        planner.emit(p.LayerNorm((x.value,), output, x.zero_point, epsilon, *over, to), shape, to.dtype)

    return Deferred(shape, emit)


def reduce_mean(planner: Planner, node: Node) -> Symbol:
    """ReduceMean over any axes: global average pooling, of images as they are or of values arranged as such."""
    given = node.attributes.get("axes")
    if given is None and len(node.inputs) > 1 and node.inputs[1]:
        given = planner.known(node.inputs[1], "list of axes")
    if is_constant(planner, node.inputs[0]):
        return folded(planner, node)
    x = planner.real(node.inputs[0])
    shape = planner.values[x.value].shape
    rank = len(shape)
    axes = sorted(int(a) % rank for a in given) if given is not None else list(range(rank))
    if not axes:
        raise UnsupportedError("a mean over no axes is not handled")
    kept = [a for a in range(rank) if a not in axes]
    wanted = tuple(1 if a in axes else n for a, n in enumerate(shape))
    wanted = wanted if node.attributes.get("keepdims", 1) else tuple(shape[a] for a in kept)
    pending = _mean(planner, x, axes, node.outputs[0])
    return pending if pending.shape == wanted else reshaped(planner, pending, wanted)


def _mean(planner: Planner, x: Dequantized, axes: list[int], name: str) -> Deferred:
    shape = planner.values[x.value].shape
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    if len(shape) == 4 and axes == [2, 3]:
        return averaged(planner, x, shape, ops.Window((shape[2], shape[3]), (1, 1)), False)
    if [*kept, *axes] != list(range(len(shape))):
        viewed(planner, x, f"{name}:turned", turned(shape, [*kept, *axes]))
        x = Dequantized(f"{name}:turned", x.scale, x.zero_point)
    size = int(np.prod([shape[a] for a in axes]))
    image = (int(np.prod([shape[a] for a in kept])), 1, size, 1)
    planner.emit(p.Reshape((x.value,), f"{name}:image"), image, planner.values[x.value].dtype)
    held = Dequantized(f"{name}:image", x.scale, x.zero_point)
    return averaged(planner, held, image, ops.Window((size, 1), (1, 1)), False)
