"""Convolutions of float32: their steps, and how they are planned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.host.kernel import POSITIVE, Kernel, Words, floats
from playground.model.graph import Node
from playground.operators._float_forms import Make, float_constant, float_result
from playground.operators._float_products import rows_times_floats
from playground.operators._floats import float_input
from playground.operators._images import IMAGES, LINES, as_images, as_lines, over_lines, require_room, window_of
from playground.programs import float_products
from playground.programs.call import Array
from playground.programs.float_products import Finish, conv_matrices, is_inside, pack_floats, reach_of
from playground.programs.integer_ops import Window
from playground.programs.kernel_parts import (
    PIXELS,
    depth_of_group,
    float_product,
    groups_divide,
    groups_of,
    images,
    window_in,
)
from playground.programs.planner import Deferred, Planner, Symbol
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering

_BAND_PIXELS = 240
"""Pixels of a band at least: lines that neighbouring bands see are copied for each."""


def _results(w: Words) -> int:
    return int(w["images.batch"] * w["images.out_height"] * w["images.out_width"] * w["groups"])


def band_bytes(window: Window, channels: int, band: int) -> int:
    """Room for the lines that a band of output lines sees."""
    own = Window(window.kernel, (band, window.out[1]), window.strides, window.dilations)
    return 4 * channels * math.prod(reach_of(own))


def _sees_no_padding(w: Words) -> str | None:
    inside = is_inside(window_in(w), (w["images.height"], w["images.width"]))
    return None if inside or w["lines"] is not None else "windows see padding, and there is no room for it"


CONV_FLOATS = Kernel(
    "k_conv_f32",
    {"lines": lambda w: band_bytes(window_in(w), w["images.channels"], w["band"])},
    ranges={"groups": POSITIVE, "band": POSITIVE},
    rules=(groups_divide, _sees_no_padding),
    optional=frozenset({"lines"}),
    parts=(images(each=4), float_product(groups_of, depth_of_group, _results, biases=0)),
)


DEPTHWISE_FLOATS = Kernel(
    "k_depthwise_f32",
    {
        "weights": floats("images.kernel_h", "images.kernel_w", "images.channels"),
        "bias": floats("images.channels"),
        "out": floats(*PIXELS),
    },
    parts=(images(each=4),),
)


@dataclass(frozen=True, slots=True, eq=False)
class FloatConv(Step):
    """Grouped convolution of float32.

    Attributes:
        window: how the kernel moves.
        groups: of channels.
        weights: float32 (M, C / groups, kernel_h, kernel_w).
        finish: what becomes of the sums.
    """

    window: Window
    groups: int
    weights: NDArray[np.float32]
    finish: Finish

    is_product: ClassVar[bool] = True

    @property
    def depthwise(self) -> bool:
        """Whether each channel has one filter of its own."""
        return self.groups > 1 and (self.groups, 1) == self.weights.shape[:2]

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """Sums in the order of the depth."""
        return float_products.conv(inputs[0], self.weights, self.window, self.groups, self.finish)

    def lower(self, to: Lowering) -> None:
        """FloatConv: a product where windows are single pixels; depthwise has a kernel of its own."""
        (name,) = self.inputs
        out = to.new(self.output, image=True)
        if self.depthwise:
            self._lower_depthwise(to, out)
            return
        _, channels, *size = to.values[name].shape
        columns = self.weights.shape[0] // self.groups
        packed = to.packed(
            lambda: pack_floats(conv_matrices(self.weights, self.groups)), (self.weights,), "float conv", self.groups
        )
        product = to.float_product(packed, columns, self.finish, out, self.groups)
        if self.groups == 1 and self.window.is_pointwise(tuple(size)):
            rows = math.prod(to.values[self.output].shape) // columns
            rows_times_floats(to, to.image(name), rows, channels, product)
            return
        band = min(self.window.out[0], -(-_BAND_PIXELS // self.window.out[1]))
        inside = is_inside(self.window, size)
        to.call(
            CONV_FLOATS,
            images=to.images(name, self.window),
            groups=self.groups,
            product=product,
            band=band,
            lines=None if inside else to.buffer(band_bytes(self.window, channels, band)),
        )

    def _lower_depthwise(self, to: Lowering, out: object) -> None:
        lo, hi = self.finish.limits
        to.call(
            DEPTHWISE_FLOATS,
            images=to.images(self.inputs[0], self.window),
            weights=to.constant(np.ascontiguousarray(self.weights[:, 0].transpose(1, 2, 0))),
            bias=to.constant(np.ascontiguousarray(self.finish.bias)),
            **{"alpha": self.finish.alpha, "lo": lo, "hi": hi, "out": out},
        )


def float_filters(planner: Planner, node: Node) -> NDArray[np.float32]:
    """The constant weights of a convolution; UnsupportedError if one is not finite, which padding would multiply."""
    weights = float_constant(planner, node.inputs[1], "weights")
    if not np.isfinite(weights).all():
        raise UnsupportedError("the weights are not all finite")
    return weights


def filter_bias(planner: Planner, node: Node, filters: int) -> NDArray[np.float32]:
    """A constant number for each filter; zeros where there is none."""
    if len(node.inputs) < 3 or not node.inputs[2]:
        return np.zeros(filters, np.float32)
    bias = float_constant(planner, node.inputs[2], "bias")
    if bias.size != filters:
        raise UnsupportedError(f"a bias of shape {bias.shape} does not have one value per output channel")
    return np.ascontiguousarray(bias.reshape(-1))


def float_conv(planner: Planner, node: Node, weights: NDArray[np.float32], window: Window, x: str) -> Deferred:
    """A convolution of a float value of four axes by weights of four axes."""
    shape, groups, filters = planner.values[x].shape, int(node.attributes["group"]), weights.shape[0]
    if weights.shape[1] * groups != shape[1] or filters % groups:
        raise UnsupportedError(f"weights of shape {weights.shape} in {groups} groups do not fit input {shape}")
    require_room(planner.room, window, shape, filters, weights.shape[1])
    finish = Finish(filter_bias(planner, node, filters))

    def by(own: NDArray[np.float32]) -> Make:
        return lambda output, how: FloatConv((x,), output, window, groups, own, how)

    size = (shape[0], filters, *window.out)
    return float_result(
        planner, size, by(weights), finish, axis=1, scaled=lambda factors: by(weights * factors[:, None, None, None])
    )


def plan_float_conv(planner: Planner, node: Node) -> Symbol:
    """Conv of float32 by constant weights."""
    x, weights = float_input(planner, node.inputs[0]), float_filters(planner, node)
    lines = len(planner.values[x].shape) == LINES == weights.ndim
    if lines:
        x, weights = as_images(planner, x), weights[:, :, None]
    own, shape = over_lines(node) if lines else node, planner.values[x].shape
    if len(shape) != IMAGES or weights.ndim != IMAGES:
        raise UnsupportedError(f"an input of {len(shape)} axes is not images (N, C, H, W)")
    made = float_conv(planner, own, weights, window_of(own, shape, weights.shape[2:]), x)
    return as_lines(planner, made) if lines else made
