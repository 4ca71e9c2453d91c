"""Planning of what moves a window over an image: its geometry, and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from playground.engines import integer_ops as ops
from playground.engines import plan_dynamic as dynamic
from playground.engines import program as p
from playground.engines.planner import Codes, Deferred, Dequantized, Planner, Symbol
from playground.errors import UnsupportedError
from playground.model.graph import Node


def window_of(node: Node, shape: Sequence[int], kernel: Sequence[int]) -> ops.Window:
    """The window of a Conv or pooling node over images of ``shape`` (N, C, H, W), as ONNX defines it."""
    strides, dilations = (_pair(node, name, (1, 1)) for name in ("strides", "dilations"))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    size = shape[2:]
    auto = node.attributes.get("auto_pad", "NOTSET")
    auto = auto.decode() if isinstance(auto, bytes) else auto
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        out = [-(-n // s) for n, s in zip(size, strides, strict=True)]
        total = [max(0, (o - 1) * s + r - n) for o, s, r, n in zip(out, strides, reach, size, strict=True)]
        before = [(t + (auto == "SAME_LOWER")) // 2 for t in total]
    else:
        pads = [0] * 4 if auto == "VALID" else [int(n) for n in node.attributes.get("pads", [0] * 4)]
        before = pads[:2]
        room = [n + a + b - r for n, a, b, r in zip(size, before, pads[2:], reach, strict=True)]
        up = bool(node.attributes.get("ceil_mode", 0))
        out = [(-(-r // s) if up else r // s) + 1 for r, s in zip(room, strides, strict=True)]
        if up:  # a window has to start inside the image or the padding before it
            last = [(o - 1) * s < n + a for o, s, n, a in zip(out, strides, size, before, strict=True)]
            out = [o if fits else o - 1 for o, fits in zip(out, last, strict=True)]
    if min(out) < 1:
        raise UnsupportedError(f"its window of {tuple(kernel)} does not fit an image of {tuple(size)}")
    return ops.Window((kernel[0], kernel[1]), (out[0], out[1]), strides, dilations, (before[0], before[1]))


def _pair(node: Node, name: str, default: tuple[int, int]) -> tuple[int, int]:
    values = tuple(int(n) for n in node.attributes.get(name, default))
    if len(values) != 2:
        raise UnsupportedError("only windows over two axes are handled")
    return values[0], values[1]


def _four(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) != 4:
        raise UnsupportedError(f"its input has {len(shape)} axes; images (N, C, H, W) have 4")
    return shape


def _pool_window(node: Node, shape: Sequence[int]) -> ops.Window:
    """A window that touches the image wherever it is: a maximum or mean over padding alone means nothing."""
    window = window_of(node, shape, _pair(node, "kernel_shape", (0, 0)))
    for axis in (0, 1):
        reach = (window.kernel[axis] - 1) * window.dilations[axis] + 1
        last = (window.out[axis] - 1) * window.strides[axis] - window.pads[axis]
        if window.pads[axis] >= reach or last >= shape[2 + axis]:
            raise UnsupportedError("its padding is as large as its window")
    return window


def max_pool(planner: Planner, node: Node) -> Symbol:
    """MaxPool: the codes' own maximum, so scale and zero-point stay."""
    if len(node.outputs) > 1 and node.outputs[1]:
        raise UnsupportedError("its second output (indices) is not handled")
    shape = planner.shape(node.inputs[0])
    floats = dynamic.pooled(planner, node, _pool_window(node, _four(shape)), mean=False)
    if floats is not None:
        return floats
    codes = planner.symbol(node.inputs[0])
    plain = isinstance(codes, Codes) and planner.values[codes.value].dtype in ("int8", "uint8")
    x: Dequantized | Codes = codes if isinstance(codes, Codes) and plain else planner.real(node.inputs[0])
    window = _pool_window(node, _four(shape))
    step = p.MaxPool((x.value,), node.outputs[0], window)
    planner.emit(step, (*shape[:2], *window.out), planner.values[x.value].dtype)
    return replace(x, value=node.outputs[0])


def average_pool(planner: Planner, node: Node) -> Symbol:
    """AveragePool, with or without counting the padding."""
    shape = _four(planner.shape(node.inputs[0]))
    count_padding = bool(node.attributes.get("count_include_pad", 0))
    if count_padding and node.attributes.get("ceil_mode", 0):
        raise UnsupportedError("ceil_mode together with count_include_pad is not handled")
    return _averaged_image(planner, node, _pool_window(node, shape), count_padding)


def global_average_pool(planner: Planner, node: Node) -> Symbol:
    """GlobalAveragePool: one window of the image's size."""
    shape = _four(planner.shape(node.inputs[0]))
    return _averaged_image(planner, node, ops.Window((shape[2], shape[3]), (1, 1)), False)


def _averaged_image(planner: Planner, node: Node, window: ops.Window, count_padding: bool) -> Symbol:
    floats = dynamic.pooled(planner, node, window, mean=True, count_padding=count_padding)
    if floats is not None:
        return floats
    x = planner.real(node.inputs[0])
    return averaged(planner, x, planner.values[x.value].shape, window, count_padding)


def averaged(
    planner: Planner, x: Dequantized, shape: tuple[int, ...], window: ops.Window, count_padding: bool
) -> Deferred:
    """The mean under each window of images of ``shape``."""
    out_shape = (*shape[:2], *window.out)

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        ratio = np.float32(x.scale / scale)
        step = p.AveragePool((x.value,), output, window, x.zero_point, ratio, count_padding, to)
        planner.emit(step, out_shape, to.dtype)

    return Deferred(out_shape, emit)


def reshaped(planner: Planner, pending: Deferred, shape: tuple[int, ...]) -> Deferred:
    """The same pending result in another shape."""

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        inner = f"{output}:before_reshape"
        pending.emit(inner, scale, to)
        planner.emit(p.Reshape((inner,), output), shape, to.dtype)

    return Deferred(shape, emit, pending.lo, pending.hi)
