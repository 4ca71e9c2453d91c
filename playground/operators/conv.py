"""Conv: convolution by constant weights, as an integer step under a window over images."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError, UnsupportedError
from playground.host.kernel import POSITIVE, Kernel, Words, floats
from playground.model.graph import Node
from playground.operators._attributes import WINDOW, Attribute
from playground.operators._elementwise import wide
from playground.operators._float_convs import plan_float_conv
from playground.operators._float_forms import either
from playground.operators._images import LINES, as_images, as_lines, over_lines, require_room, window_of
from playground.operators._operator import Form, Operator, Scales, Shapes, Trait, Weight
from playground.operators._products import Weights, bias_of, rows_times, weights_of
from playground.operators._ranks import as_input
from playground.programs import integer_ops as ops
from playground.programs.call import Array, Call
from playground.programs.conv_lines import in_lines, lines_bytes, pays_in_lines
from playground.programs.depthwise import pack_depthwise, packed_bytes_of, scratch_bytes
from playground.programs.fast_products import batched_product
from playground.programs.integer_ops import Target, Window
from playground.programs.kernel_parts import (
    PIXELS,
    depth_in_lines,
    depth_of_group,
    epilogue,
    groups_divide,
    groups_of,
    images,
    product,
    rows_scratch,
    side_by_side,
    source,
    window_in,
)
from playground.programs.packing import Packed, Values, pack
from playground.programs.planner import Deferred, Dequantized, Planner
from playground.programs.program import Step, Value
from playground.programs.windows import Windows, windows

if TYPE_CHECKING:
    from playground.programs.lowering import Given, Lowering


def run(call: Call, x: Array, w: Array, bias: Array | None = None) -> Array:
    """Convolution over any number of spatial axes.

    Args:
        call: ``group``, ``strides``, ``dilations``, ``pads`` or ``auto_pad``.
        x: (batch, channels, *spatial).
        w: (filters, channels / group, *kernel).
        bias: (filters,).
    """
    group, kernel = call.get("group"), w.shape[2:]
    if x.ndim != w.ndim or x.shape[1] != w.shape[1] * group or w.shape[0] % group:
        raise InvalidInputError(
            f"weights {list(w.shape)} in {group} groups do not fit values {list(x.shape)}",
            hint="Give input of weights.shape[1] * group channels",
        )
    geometry = windows(call, x.shape[2:], kernel)
    geometry.require_room(call, x, w.shape[0], w.shape[1])
    call.room.value((1, x.shape[1], *kernel, 1, *geometry.out[1:]), x.dtype)
    padded, kernels = geometry.pad(wide(x), 0), wide(w)
    depthwise = w.shape[1] == 1 and group > 1
    y = _depthwise(padded, kernels, geometry) if depthwise else _grouped(padded, kernels, geometry, group)
    if bias is not None:
        y += bias.reshape(-1, *(1,) * len(kernel))
    return y.astype(x.dtype, copy=False)


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


COLUMNS_BYTES = 2**26
"""At once no more is copied into columns: those of a wide kernel take a hundred times the bytes of its images."""


def _grouped(padded: Array, w: Array, geometry: Windows, group: int) -> Array:
    """im2col, then matrix products; of a part of the first spatial axis at once where the columns are many."""
    batch, (rows, *line) = padded.shape[0], geometry.out
    row_bytes = padded.shape[1] * math.prod(geometry.kernel) * math.prod(line) * padded.itemsize
    if batch * rows * row_bytes <= COLUMNS_BYTES:
        return _rows_of(padded, w, geometry, group, slice(None))
    y = np.empty((batch, w.shape[0], rows, *line), padded.dtype)
    step = max(1, COLUMNS_BYTES // row_bytes)
    for sample in range(batch):
        for at in range(0, rows, step):
            part = slice(at, at + step)
            y[sample, :, part] = _rows_of(padded[sample : sample + 1], w, geometry, group, part)[0]
    return y


def _rows_of(padded: Array, w: Array, geometry: Windows, group: int, rows: slice) -> Array:
    """The result's rows of these numbers."""
    batch, channels = padded.shape[:2]
    out = (len(range(*rows.indices(geometry.out[0]))), *geometry.out[1:])
    columns = np.empty((batch, channels, math.prod(geometry.kernel), *out), padded.dtype)
    for position, view in enumerate(geometry.taps(padded)):
        columns[:, :, position] = view[:, :, rows]
    columns = columns.reshape(batch, group, channels // group * columns.shape[2], -1)
    kernels = w.reshape(group, w.shape[0] // group, -1)
    return batched_product(kernels, columns).reshape(batch, w.shape[0], *out)


def _depthwise_weights(w: Words) -> int:
    return packed_bytes_of(w["images.channels"], w["planes"], window_in(w).kernel, w["dot"])


CONV = Kernel(
    "k_conv_s8",
    {"scratch": rows_scratch(depth_of_group)},
    ranges={"groups": POSITIVE},
    rules=(groups_divide,),
    parts=(
        images(),
        source(),
        product(groups_of, depth_of_group, groups_of),
        epilogue(*PIXELS[:3], "groups", "product.columns", at="product.to"),
    ),
)


LINES_CONV = Kernel(
    "k_conv_lines_s8",
    {"scratch": lambda w: lines_bytes(window_in(w), w["images.channels"] // w["groups"], w["dot"])},
    ranges={"groups": POSITIVE},
    rules=(groups_divide, side_by_side),
    parts=(
        images(),
        source(),
        product(groups_of, depth_in_lines, groups_of),
        epilogue(*PIXELS[:3], "groups", "product.columns", at="product.to"),
    ),
)


DEPTHWISE = Kernel(
    "k_depthwise_s8",
    {
        "weights": _depthwise_weights,
        "bias": floats("images.channels"),
        "multiplier": floats("images.channels"),
        "scratch": lambda w: scratch_bytes(window_in(w), w["dot"]),
    },
    ranges={"planes": POSITIVE},
    parts=(images(), source(), epilogue(*PIXELS)),
)


def _lowered_depthwise(step: Conv, to: Lowering, images: Given, values: Values, out: Given) -> None:
    packed = pack_depthwise(step.weights[:, 0], step.bias, values)
    to.call(
        DEPTHWISE,
        images=images,
        source=values.source,
        weights=to.constant(packed.weights),
        planes=packed.planes,
        bias=to.constant(packed.bias),
        multiplier=to.constant(step.multiplier),
        to=out,
        scratch=to.buffer(scratch_bytes(step.window, to.dot)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Conv(Step):
    """Grouped convolution; fields as :class:`Product`, weights int16 (M, C / groups, kernel_h, kernel_w)."""

    window: Window
    groups: int
    x_zero_point: int
    weights: NDArray[np.int16]
    bias: NDArray[np.int32]
    multiplier: NDArray[np.float32]
    to: Target

    @property
    def depthwise(self) -> bool:
        """Whether each channel has one filter of its own."""
        return (self.groups, 1) == self.weights.shape[:2]

    is_product: ClassVar[bool] = True

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """Exact sums, rounded."""
        sums = ops.conv_integer(
            inputs[0], self.weights, self.window, groups=self.groups, x_zero_point=self.x_zero_point
        )
        sums = ops.add_bias(sums, self.bias[:, None, None])
        return ops.requantize(sums, self.multiplier[:, None, None], self.to)

    def lower(self, to: Lowering) -> None:
        """Conv: a product where windows are single pixels, by a kernel of its own where each channel has one filter."""
        (name,) = self.inputs
        images = to.images(name, self.window)
        out = to.epilogue(self.to, to.new(self.output, image=True))
        values = Values(to.is_signed(name), self.x_zero_point, to.dot)
        if self.depthwise:
            _lowered_depthwise(self, to, images, values, out)
            return
        columns, depth = self.weights.shape[0] // self.groups, math.prod(self.weights.shape[1:])
        pointwise = self.groups == 1 and self.window.is_pointwise(to.values[name].shape[2:])
        lines = not pointwise and pays_in_lines(self.window, self.weights.shape[1], to.dot)

        def make() -> Packed:
            by_group = self.weights.reshape(self.groups, columns, *self.weights.shape[1:])
            filters = by_group.transpose(0, 3, 4, 2, 1)
            matrices = in_lines(filters, to.dot) if lines else filters.reshape(self.groups, depth, columns)
            return pack(matrices, self.bias, self.multiplier, values)

        packed = to.packed(make, (self.weights, self.bias, self.multiplier), "conv", values, self.groups, lines)
        weights = to.product(packed, columns, out)
        if pointwise:
            counts = {"rows": images["batch"] * images["height"] * images["width"], "depth": depth}
            rows_times(to, images["x"], counts, values, weights)
            return
        needed = lines_bytes(self.window, self.weights.shape[1], to.dot) if lines else values.scratch_bytes(depth)
        to.call(
            LINES_CONV if lines else CONV,
            images=images,
            groups=self.groups,
            source=values.source,
            product=weights,
            scratch=to.buffer(needed),
        )


def _plan_integers(planner: Planner, node: Node) -> Deferred:
    """Conv with quantized input and constant quantized weights."""
    x = planner.real(node.inputs[0])
    weights = weights_of(planner, node.inputs[1], channel_axis=0)
    bias = bias_of(planner, node, x, weights)
    if len(planner.values[x.value].shape) != LINES:
        return planned_conv(planner, node, x, weights, bias)
    x, weights = replace(x, value=as_images(planner, x.value)), replace(weights, offsets=weights.offsets[:, :, None])
    return as_lines(planner, planned_conv(planner, over_lines(node), x, weights, bias))


def window_over(node: Node, shape: tuple[int, ...], weights: Weights) -> ops.Window:
    """The window of a convolution over images of this shape."""
    if len(shape) != 4:
        raise UnsupportedError(f"an input of {len(shape)} axes is not images (N, C, H, W)")
    groups = int(node.attributes["group"])
    if weights.offsets.shape[1] * groups != shape[1]:
        raise UnsupportedError(f"weights of shape {weights.offsets.shape} in {groups} groups do not fit input {shape}")
    return window_of(node, shape, weights.offsets.shape[2:])


def planned_conv(
    planner: Planner,
    node: Node,
    x: Dequantized,
    weights: Weights,
    bias: NDArray[np.int32],
    *,
    window: ops.Window | None = None,
) -> Deferred:
    """A convolution of codes by weights; ``window`` replaces the one that the node states."""
    shape = planner.values[x.value].shape
    window, groups = window or window_over(node, shape, weights), int(node.attributes["group"])
    require_room(planner.room, window, shape, weights.scale.size, weights.offsets.shape[1])
    out_shape = (shape[0], weights.scale.size, *window.out)

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        multiplier = x.scale * weights.scale / scale
        step = Conv((x.value,), output, window, groups, x.zero_point, weights.offsets, bias, multiplier, to)
        planner.emit(step, out_shape, to.dtype)

    return Deferred(out_shape, emit)


def cost(node: Node, shapes: Shapes) -> int:
    """A multiply-add for each output and each weight of its filter."""
    return math.prod(shapes[node.outputs[0]]) * math.prod(shapes[node.inputs[1]][1:])


OPERATOR = Operator(
    name="Conv",
    ranks=(3, 5),
    run=run,
    attributes=(Attribute("group", "int", 1, low=1), *WINDOW),
    weights=(Weight(1, lambda node, rank: 0),),
    bias=2,
    scales=Scales.PRODUCT,
    traits=Trait.CONVOLUTION,
    forms=Form.DEFAULT | Form.DYNAMIC | Form.WEIGHT_ONLY,
    rank=as_input,
    plan=either(_plan_integers, plan_float_conv),
    cost=cost,
)
