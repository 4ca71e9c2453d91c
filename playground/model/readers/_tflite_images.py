"""TFLite's operators on images: convolutions, pools, resizing, and what moves values between pixels and channels."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.errors import UnsupportedError
from playground.model.readers._tflite_arithmetic import activated
from playground.model.readers._tflite_builder import Builder
from playground.model.readers._tflite_file import Operation
from playground.model.readers._tflite_layout import FIRST
from playground.model.readers._tflite_schema import CUSTOM_PREFIX

SAME = 0


@dataclass(frozen=True, slots=True)
class _Window:
    """How a window moves over an image: heights before widths."""

    size: Sequence[int]
    strides: Sequence[int]
    dilations: Sequence[int] = (1, 1)

    def attributes(self, **more: Any) -> dict[str, Any]:
        """As ONNX has it."""
        return {"kernel_shape": list(self.size), "strides": list(self.strides), **more}


def conv(b: Builder, op: Operation) -> None:
    """Convolution: weights (outputs, height, width, inputs of a group)."""
    strides, dilations = [op.option(2), op.option(1)], [op.option(5, default=1), op.option(4, default=1)]
    (channels, *size, inputs), given = b.tensors[op.inputs[1]].shape, b.size(op.inputs[0], 3)
    if not inputs or given % inputs or channels % (given // inputs or 1):
        raise UnsupportedError(f"{given} channels and weights of {inputs}")
    made = _convolved(b, op, FIRST, _Window(size, strides, dilations), given // inputs)
    y = op.outputs[0]
    b.give(y, activated(b, made, op.option(3, "b"), y), first=True)


def depthwise(b: Builder, op: Operation) -> None:
    """Convolution of each channel by itself: weights (1, height, width, outputs)."""
    strides, dilations = [op.option(2), op.option(1)], [op.option(6, default=1), op.option(5, default=1)]
    _, *size, _ = b.tensors[op.inputs[1]].shape
    made = _convolved(b, op, (3, 0, 1, 2), _Window(size, strides, dilations), b.size(op.inputs[0], 3))
    y = op.outputs[0]
    b.give(y, activated(b, made, op.option(4, "b"), y), first=True)


def _convolved(b: Builder, op: Operation, order: tuple[int, ...], window: _Window, group: int) -> str:
    x, w = op.inputs[:2]
    bias = [b.real(op.inputs[2])] if len(op.inputs) > 2 and op.inputs[2] >= 0 else []
    attributes = window.attributes(**_padding(b, op, window), dilations=list(window.dilations), group=group)
    return b.emit("Conv", [b.image(x, True), b.real(w, order), *bias], **attributes)


def _padding(b: Builder, op: Operation, window: _Window) -> dict[str, Any]:
    """Padding as attributes: TFLite's SAME puts the odd pixel behind."""
    if op.option(0, "b") != SAME:
        return {"pads": [0, 0, 0, 0]}
    before, after = [], []
    for axis, (size, stride) in enumerate(zip(window.size, window.strides, strict=True)):
        given = b.shape(op.inputs[0])[1 + axis]
        if not isinstance(given, int):
            return {"auto_pad": "SAME_UPPER"}
        reach = (size - 1) * window.dilations[axis] + 1
        total = max((-(-given // max(stride, 1)) - 1) * stride + reach - given, 0)
        before.append(total // 2)
        after.append(total - total // 2)
    return {"pads": before + after}


def transpose_conv(b: Builder, op: Operation) -> None:
    """Transposed convolution: the size of the output, weights (outputs, height, width, inputs), the image."""
    w, x, y = op.inputs[1], op.inputs[2], op.outputs[0]
    bias = op.inputs[3] if len(op.inputs) > 3 else -1
    sizes = b.constant(op.inputs[0])
    wanted = [b.size(y, 1 + axis) if sizes is None else int(sizes[1 + axis]) for axis in range(2)]
    made = _spread(b, (x, w, bias), [op.option(2), op.option(1)], wanted)
    b.give(y, activated(b, made, op.option(3, "b"), y), first=True)


def media_pipe_transpose_conv(b: Builder, op: Operation) -> None:
    """MediaPipe's own: the image, weights, a bias; padding, width and height of a step as three integers."""
    x, w, bias = op.inputs
    y = op.outputs[0]
    _, across, down = struct.unpack_from("<3i", op.custom)
    b.give(y, _spread(b, (x, w, bias), [down, across], [b.size(y, 1), b.size(y, 2)]), first=True)


def _spread(b: Builder, tensors: tuple[int, int, int], strides: list[int], wanted: list[int]) -> str:
    """What a transposed convolution makes, of a wanted height and width: cut off on both sides, or zeros behind."""
    x, w, bias = tensors
    window = _Window(b.tensors[w].shape[1:3], strides)
    before, after, more = [], [], []
    for axis in range(2):
        reach = (b.size(x, 1 + axis) - 1) * strides[axis] + window.size[axis]
        total = max(reach - wanted[axis], 0)
        before.append(total // 2)
        after.append(total - total // 2)
        more.append(max(wanted[axis] - reach, 0))
    behind = {"output_padding": more} if any(more) else {}
    inputs = [b.image(x, True), b.real(w, (3, 0, 1, 2)), *([b.real(bias)] if bias >= 0 else [])]
    return b.emit("ConvTranspose", inputs, **window.attributes(pads=before + after, **behind))


def pool(b: Builder, op: Operation) -> None:
    """The mean or the largest value of a window; pixels outside of the image do not count."""
    x, y = op.inputs[0], op.outputs[0]
    window = _Window([op.option(4), op.option(3)], [op.option(2), op.option(1)])
    kind = "AveragePool" if op.op == "AVERAGE_POOL_2D" else "MaxPool"
    made = b.emit(kind, [b.image(x, True)], **window.attributes(**_padding(b, op, window)))
    b.give(y, activated(b, made, op.option(5, "b"), y), first=True)


def resize(b: Builder, op: Operation) -> None:
    """Another height and width, by the nearest pixel or between pixels."""
    linear = op.op == "RESIZE_BILINEAR"
    corners, centers = (op.option(slot, "?", False) for slot in ((2, 3) if linear else (0, 1)))
    where = "align_corners" if corners else "half_pixel" if centers else "asymmetric"
    attributes: dict[str, Any] = {"coordinate_transformation_mode": where, "mode": "linear" if linear else "nearest"}
    if not linear:
        attributes["nearest_mode"] = "round_prefer_ceil" if corners or centers else "floor"
    sizes = b.ints(b.whole_numbers(op.inputs[1], "sizes of an image"))
    made = b.emit("Resize", [b.image(op.inputs[0], True), "", "", sizes], axes=[2, 3], **attributes)
    b.give(op.outputs[0], made, first=True)


def blocks(b: Builder, op: Operation) -> None:
    """Blocks of pixels become channels, or the other way round; in the same order as ONNX's."""
    kind = "DepthToSpace" if op.op == "DEPTH_TO_SPACE" else "SpaceToDepth"
    b.give(op.outputs[0], b.emit(kind, [b.image(op.inputs[0], True)], blocksize=op.option(0)), first=True)


def response(b: Builder, op: Operation) -> None:
    """Local response normalization: TFLite sums, ONNX takes the mean."""
    radius = op.option(0)
    size = 2 * radius + 1
    alpha, beta, bias = (op.option(slot, "f", 0.0) for slot in (2, 3, 1))
    made = b.emit("LRN", [b.image(op.inputs[0], True)], size=size, alpha=alpha * size, beta=beta, bias=bias)
    b.give(op.outputs[0], made, first=True)


CONVERTERS: Mapping[str, Callable[[Builder, Operation], None]] = {
    "AVERAGE_POOL_2D": pool,
    "CONV_2D": conv,
    "DEPTH_TO_SPACE": blocks,
    "DEPTHWISE_CONV_2D": depthwise,
    "LOCAL_RESPONSE_NORMALIZATION": response,
    "MAX_POOL_2D": pool,
    "RESIZE_BILINEAR": resize,
    "RESIZE_NEAREST_NEIGHBOR": resize,
    "SPACE_TO_DEPTH": blocks,
    "TRANSPOSE_CONV": transpose_conv,
    f"{CUSTOM_PREFIX}Convolution2DTransposeBias": media_pipe_transpose_conv,
}
