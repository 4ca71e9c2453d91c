"""ConvTranspose: the transpose of a convolution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from playground.errors import InvalidInputError
from playground.model.graph import Node
from playground.operators._attributes import WINDOW, Attribute
from playground.operators._elementwise import wide
from playground.operators._float_spreads import plan_transposed
from playground.operators._operator import Form, Operator, Scales, Shapes, Weight
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array, w: Array, bias: Array | None = None) -> Array:
    """The transpose of a convolution: every input value adds a scaled kernel to the output.

    Args:
        call: ``group``, ``strides``, ``dilations``, ``pads`` or ``auto_pad``, ``output_padding``, ``output_shape``.
        x: (batch, channels, *spatial).
        w: (channels, filters / group, *kernel).
        bias: (filters,).
    """
    group, kernel = call.get("group"), w.shape[2:]
    batch, channels = x.shape[:2]
    if channels != w.shape[0] or channels % group:
        raise InvalidInputError(
            f"weights {list(w.shape)} in {group} groups do not fit values {list(x.shape)}",
            hint="Give input of weights.shape[0] channels",
        )
    strides, dilations = call.get("strides") or [1] * len(kernel), call.get("dilations") or [1] * len(kernel)
    full = [s * (n - 1) + (k - 1) * d + 1 for n, k, s, d in zip(x.shape[2:], kernel, strides, dilations, strict=True)]
    call.room.value((batch, w.shape[1] * group, *full), x.dtype)
    call.room.work(x.size * math.prod(w.shape[1:]))
    begins, out = _cut(call, x.shape[2:], full, strides)
    room = [max(size, begin + kept) for size, begin, kept in zip(full, begins, out, strict=True)]
    call.room.value((batch, w.shape[1] * group, *room), x.dtype)
    values = wide(x).reshape(batch, group, channels // group, -1)
    y = np.zeros((batch, w.shape[1] * group, *room), values.dtype)
    kernels = np.moveaxis(wide(w).reshape(group, channels // group, w.shape[1], -1), 1, 2)
    for tap, position in enumerate(np.ndindex(*kernel)):
        part = np.matmul(kernels[..., tap], values).reshape(batch, -1, *x.shape[2:])
        starts = zip(position, dilations, strides, x.shape[2:], strict=True)
        hit: tuple[Any, ...] = (..., *(slice(p * d, p * d + s * (n - 1) + 1, s) for p, d, s, n in starts))
        y[hit] += part
    inside: tuple[Any, ...] = (..., *(slice(begin, begin + kept) for begin, kept in zip(begins, out, strict=True)))
    kept = np.asarray(y[inside])
    y = kept if bias is None else kept + bias.reshape(-1, *(1,) * len(kernel))
    return y.astype(x.dtype, copy=False)


def _cut(call: Call, sizes: tuple[int, ...], full: list[int], strides: list[int]) -> tuple[list[int], list[int]]:
    """Of the ``full`` output of a transposed convolution: where what is kept begins, and its sizes."""
    rank, mode = len(sizes), call.get("auto_pad")
    extra = call.get("output_padding") or [0] * rank
    if mode in ("NOTSET", "") and not call.get("output_shape"):
        pads = call.get("pads") or [0] * (2 * rank)
        begins, ends = pads[:rank], pads[rank:]
        return begins, [n + e - b - a for n, e, b, a in zip(full, extra, begins, ends, strict=True)]
    if mode == "VALID":
        return [0] * rank, [n + e for n, e in zip(full, extra, strict=True)]
    out = call.get("output_shape") or [n * s for n, s in zip(sizes, strides, strict=True)]
    sums = [max(0, n + e - kept) for n, e, kept in zip(full, extra, out, strict=True)]
    return [total // 2 if mode == "SAME_UPPER" else total - total // 2 for total in sums], list(out)


def plan(planner: Planner, node: Node) -> Symbol:
    """ConvTranspose of float32."""
    return plan_transposed(planner, node, lambda own, *sizes: _cut(Call(own.attributes), *sizes))


def cost(node: Node, shapes: Shapes) -> int:
    """A multiply-add for each input and each weight that it meets."""
    return math.prod(shapes[node.inputs[0]]) * math.prod(shapes[node.inputs[1]][1:])


OPERATOR = Operator(
    name="ConvTranspose",
    ranks=(3, 5),
    run=run,
    attributes=(
        Attribute("group", "int", 1, low=1),
        *WINDOW,
        Attribute("output_padding", "ints", low=0),
        Attribute("output_shape", "ints", low=1),
    ),
    weights=(Weight(1, lambda node, rank: 1),),
    bias=2,
    scales=Scales.PRODUCT,
    forms=Form.DEFAULT | Form.WEIGHT_ONLY,
    plan=plan,
    cost=cost,
    rank=as_input,
)
