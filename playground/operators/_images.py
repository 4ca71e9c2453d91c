"""Planning of windows over images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from playground.errors import TooLargeError, UnsupportedError
from playground.limits import MOST_TAPS
from playground.model.graph import Node
from playground.operators._moves import to_shape
from playground.programs import integer_ops as ops
from playground.programs.planner import Deferred, Planner, Symbol
from playground.programs.room import Room
from playground.programs.steps import Reshape


def window_of(node: Node, shape: Sequence[int], kernel: Sequence[int]) -> ops.Window:
    """The window of a Conv or pooling node over images of ``shape`` (N, C, H, W), as ONNX defines it."""
    strides, dilations = (pair_of(node, name, (1, 1)) for name in ("strides", "dilations"))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    size = shape[2:]
    auto = node.attributes["auto_pad"]
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
        raise UnsupportedError(f"a window of {tuple(kernel)} does not fit an image of {tuple(size)}")
    if math.prod(kernel) > MOST_TAPS:
        raise TooLargeError(f"a window of {math.prod(kernel)} places is too large; at most {MOST_TAPS} are supported")
    return ops.Window((kernel[0], kernel[1]), (out[0], out[1]), strides, dilations, (before[0], before[1]))


Change = Callable[[NDArray[np.float32]], Deferred]
"""What a constant does to a result."""

LINES, IMAGES = 3, 4
"""Axes of signals (N, C, L), and of images."""

_ALONG = {"kernel_shape": 1, "strides": 1, "dilations": 1, "output_padding": 0, "output_shape": 1}
"""Attributes of windows: what they are along an axis of 1."""


def over_lines(node: Node) -> Node:
    """The node of a window over signals as one over images of a height of 1."""
    attributes = dict(node.attributes)
    for name, along in _ALONG.items():
        if attributes.get(name):
            attributes[name] = [along, *attributes[name]]
    if attributes.get("pads"):
        begin, *end = attributes["pads"]
        attributes["pads"] = [0, begin, 0, *end]
    return replace(node, attributes=attributes)


def as_images(planner: Planner, value: str) -> str:
    """A value of signals (N, C, L) as images of a height of 1: the same bytes."""
    name = f"{value}:images"
    if name not in planner.values:
        n, channels, length = planner.values[value].shape
        planner.emit(Reshape((value,), name), (n, channels, 1, length), planner.values[value].dtype)
    return name


def as_lines(planner: Planner, images: Deferred) -> Deferred:
    """A result of images of a height of 1 as one of signals."""
    n, channels, _, length = images.shape

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        images.emit(f"{output}:images", scale, to)
        planner.emit(Reshape((f"{output}:images",), output), (n, channels, length), to.dtype)

    def changed(change: Change) -> Change:
        return lambda real: as_lines(planner, change(real[..., None, :] if real.ndim > 1 else real))

    plus, by_column = (change and changed(change) for change in (images.plus, images.by_column))
    return replace(images, shape=(n, channels, length), emit=emit, plus=plus, by_column=by_column)


def of_signals(planner: Planner, node: Node, plan: Callable[[Planner, Node], Symbol]) -> Symbol:
    """What a node makes of its only input, signals (N, C, L), as that of images of a height of 1, whatever it is."""
    n, channels, length = planner.shape(node.inputs[0])
    (output, *_) = node.outputs
    read, made = f"{output}:read", f"{output}:images"
    planner.symbols[read] = to_shape(planner, replace(node, outputs=(read,)), (n, channels, 1, length))
    planner.symbols[made] = plan(planner, replace(over_lines(node), inputs=(read,), outputs=(made,)))
    return to_shape(planner, replace(node, inputs=(made,)), (n, channels, planner.shape(made)[-1]))


def require_room(room: Room, window: ops.Window, shape: Sequence[int], channels: int, depth: int = 1) -> None:
    """Raise UnsupportedError if padded images of ``shape``, or the work of a window over them, are too large.

    Args:
        room: what there is.
        window: over the images.
        shape: of the images (N, C, H, W).
        channels: of the result.
        depth: values that each place of the window sees.
    """
    reach = [(k - 1) * d + 1 for k, d in zip(window.kernel, window.dilations, strict=True)]
    needed = [(o - 1) * s + r for o, s, r in zip(window.out, window.strides, reach, strict=True)]
    padded = [max(n, before + own) for n, before, own in zip(needed, window.pads, shape[2:], strict=True)]
    room.value((*shape[:2], *padded), np.float64)
    room.work(shape[0] * channels * math.prod(window.out) * math.prod(window.kernel) * depth)


def pair_of(node: Node, name: str, default: tuple[int, int]) -> tuple[int, int]:
    """An attribute of two numbers."""
    values = tuple(int(n) for n in node.attributes.get(name, default))
    if len(values) != 2:
        raise UnsupportedError("only windows over two axes are supported")
    return values[0], values[1]


def four_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape; UnsupportedError if it is not that of images."""
    if len(shape) != 4:
        raise UnsupportedError(f"an input of {len(shape)} axes is not images (N, C, H, W)")
    return shape


def pool_window(node: Node, shape: Sequence[int], room: Room) -> ops.Window:
    """A window that touches the image wherever it is: a maximum or mean over padding alone means nothing."""
    window = window_of(node, shape, pair_of(node, "kernel_shape", (0, 0)))
    for axis in (0, 1):
        reach = (window.kernel[axis] - 1) * window.dilations[axis] + 1
        last = (window.out[axis] - 1) * window.strides[axis] - window.pads[axis]
        if window.pads[axis] >= reach or last >= shape[2 + axis]:
            raise UnsupportedError("padding as large as the window is not supported")
    require_room(room, window, shape, shape[1])
    return window
