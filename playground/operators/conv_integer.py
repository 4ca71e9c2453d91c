"""ConvInteger: the int32 sums of a convolution of codes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from playground.model.graph import Node
from playground.operators import conv
from playground.operators._dynamic import codes_of, padded
from playground.operators._images import LINES, as_images, as_lines, over_lines
from playground.operators._integers import zero_point
from playground.operators._operator import Operator, Scales, Trait
from playground.operators._products import dynamic_sums, integers_of, plain_weights, sums_of
from playground.operators.conv import planned_conv, window_over
from playground.programs.call import Array, Call
from playground.programs.planner import Codes, Dequantized, Dynamic, Planner


def run(call: Call, x: Array, w: Array, x_zero: Array | None = None, w_zero: Array | None = None) -> Array:
    """int32 sums of products of offsets, exact in float64; w's zero-point is a number or one a filter."""
    filters = zero_point(w_zero).reshape(-1, *(1,) * (w.ndim - 1))
    sums = conv.run(call, x - zero_point(x_zero).astype(np.float64), w - filters.astype(np.float64))
    return sums.astype(np.int64).astype(np.int32)


def plan(planner: Planner, node: Node) -> Codes | Dynamic:
    """The sums themselves, by constant weights."""
    codes = codes_of(planner, node, 0, 2)
    others = (1,) * (len(planner.shape(node.inputs[1])) - 1)
    weights = plain_weights(planner, node, 3, lambda points: points.reshape(-1, *others), channel_axis=0)
    bias = np.zeros(weights.scale.size, np.int32)
    if codes is None:
        return sums_of(planned_conv(planner, node, integers_of(planner, node, 0, 2), weights, bias), node)
    lines = len(planner.values[codes.source].shape) == LINES
    if lines:
        node, weights = over_lines(node), replace(weights, offsets=weights.offsets[:, :, None])
        codes = replace(codes, value=as_images(planner, codes.value), source=as_images(planner, codes.source))
    x, window = padded(planner, codes, window_over(node, planner.values[codes.source].shape, weights))
    deferred = planned_conv(planner, node, Dequantized(x, np.float32(1), 0), weights, bias, window=window)
    return dynamic_sums(as_lines(planner, deferred) if lines else deferred, node, codes, weights, axis=1)


OPERATOR = Operator(
    name="ConvInteger",
    ranks=(3, 5),
    run=run,
    attributes=conv.OPERATOR.attributes,
    scales=Scales.CODES,
    traits=Trait.QUANTIZED | Trait.TAKES_DYNAMIC,
    plan=plan,
    cost=conv.cost,
)
