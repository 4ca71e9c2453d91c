"""Transposed convolutions of float32: a matrix product, then what overlaps is added up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.host.kernel import Kernel, Words, floats
from playground.model.graph import Node
from playground.operators._float_convs import filter_bias
from playground.operators._float_forms import Make, float_constant, float_result
from playground.operators._float_products import rows_times_floats
from playground.operators._floats import float_input
from playground.operators._images import IMAGES, LINES, as_images, as_lines, over_lines
from playground.programs import float_products
from playground.programs.call import Array
from playground.programs.float_products import Finish, Spread, pack_floats, spread_matrix
from playground.programs.kernel_parts import PIXELS, images
from playground.programs.planner import Planner, Symbol
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering

Cut = Callable[[Node, tuple[int, ...], list[int], list[int]], tuple[list[int], list[int]]]
"""See :func:`plan_transposed`."""


def _kernels(w: Words) -> int:
    """Every pixel was multiplied with a whole kernel."""
    names = ("batch", "height", "width", "kernel_h", "kernel_w", "channels")
    return 4 * math.prod(int(w[f"images.{name}"]) for name in names)


SPREAD = Kernel(
    "k_spread_f32",
    {"images.x": _kernels, "bias": floats("images.channels"), "out": floats(*PIXELS)},
    parts=(images(each=4),),
)


@dataclass(frozen=True, slots=True, eq=False)
class FloatConvTranspose(Step):
    """Transposed convolution of float32.

    Attributes:
        spread: how kernels lie over the output.
        weights: float32 (C, M, kernel_h, kernel_w).
        finish: what becomes of the sums.
    """

    spread: Spread
    weights: NDArray[np.float32]
    finish: Finish

    is_product: ClassVar[bool] = True

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """Products, then what lands on each pixel."""
        return float_products.conv_transpose(inputs[0], self.weights, self.spread, self.finish)

    def lower(self, to: Lowering) -> None:
        """FloatConvTranspose: rows times weights, then their places."""
        (name,) = self.inputs
        (n, _, height, width), spread = to.values[name].shape, self.spread
        depth, rows, columns = self.weights.shape[0], n * height * width, math.prod(self.weights.shape[1:])
        packed = to.packed(lambda: pack_floats(spread_matrix(self.weights)[None]), (self.weights,), "spread")
        made = to.buffer(4 * rows * columns)
        plain = Finish(np.zeros(columns, np.float32))
        rows_times_floats(to, to.image(name), rows, depth, to.float_product(packed, columns, plain, made))
        lo, hi = self.finish.limits
        pairs = {"kernel": spread.kernel, "stride": spread.strides, "dilation": spread.dilations}
        given = {
            **{f"{what}_{axis}": pair[place] for what, pair in pairs.items() for place, axis in enumerate("hw")},
            **{"x": made, "batch": n, "height": height, "width": width, "channels": self.weights.shape[1]},
            **{"pad_top": spread.begins[0], "pad_left": spread.begins[1]},
            **{"out_height": spread.out[0], "out_width": spread.out[1]},
        }
        to.call(
            SPREAD,
            images=given,
            bias=to.constant(np.ascontiguousarray(self.finish.bias)),
            **{"alpha": self.finish.alpha, "lo": lo, "hi": hi},
            out=to.new(self.output, image=True),
        )


def plan_transposed(planner: Planner, node: Node, cut: Cut) -> Symbol:
    """ConvTranspose of float32 by constant weights, in one group.

    Args:
        planner: what is known.
        node: the node.
        cut: of a node, sizes, the whole output's and strides: where what is kept of it begins, and its sizes.
    """
    if not planner.floats:
        raise UnsupportedError("this operator has no integer form")
    x, weights = float_input(planner, node.inputs[0]), float_constant(planner, node.inputs[1], "weights")
    lines = len(planner.values[x].shape) == LINES == weights.ndim
    if lines:
        x, weights, node = as_images(planner, x), weights[:, :, None], over_lines(node)
    shape = planner.values[x].shape
    if len(shape) != IMAGES or weights.ndim != IMAGES or weights.shape[0] != shape[1] or node.attributes["group"] != 1:
        raise UnsupportedError(f"weights of shape {list(weights.shape)} over values {list(shape)} are not supported")
    spread = _spread(node, shape, weights, cut)
    filters, size = weights.shape[1], (shape[0], weights.shape[1], *spread.out)
    planner.room.value((shape[0], *shape[2:], *weights.shape[1:]), np.float32)
    planner.room.work(math.prod(shape) * math.prod(weights.shape[1:]))
    finish = Finish(filter_bias(planner, node, filters))

    def by(own: NDArray[np.float32]) -> Make:
        return lambda output, how: FloatConvTranspose((x,), output, spread, own, how)

    made = float_result(
        planner, size, by(weights), finish, axis=1, scaled=lambda factors: by(weights * factors[:, None, None])
    )
    return as_lines(planner, made) if lines else made


def _spread(node: Node, shape: tuple[int, ...], weights: NDArray[np.float32], cut: Cut) -> Spread:
    kernel = (weights.shape[2], weights.shape[3])
    (down, right), (dy, dx) = (tuple(node.attributes.get(name) or (1, 1)) for name in ("strides", "dilations"))
    full = [
        s * (n - 1) + (k - 1) * d + 1 for n, k, s, d in zip(shape[2:], kernel, (down, right), (dy, dx), strict=True)
    ]
    (top, left), (height, width) = cut(node, shape[2:], full, [down, right])
    if min(top, left) < 0 or min(height, width) < 1:
        raise UnsupportedError(f"an output of {height} by {width} pixels is not supported")
    return Spread(kernel, (height, width), (down, right), (dy, dx), (top, left))
