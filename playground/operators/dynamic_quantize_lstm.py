"""ONNX Runtime's DynamicQuantizeLSTM: weights are codes, inputs and states are quantized as they come."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from playground.model.graph import Node
from playground.operators import _recurrences, lstm
from playground.operators._attributes import Attribute
from playground.operators._dynamic_recurrences import matrices, plan_dynamic_lstm
from playground.operators._operator import Operator, Scales, Shapes, Trait
from playground.operators._recurrences import Products, Recurrence, shaped, sizes_of
from playground.programs import dynamic_ops
from playground.programs import integer_ops as ops
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol


def run(call: Call, x: Array, w: Array, r: Array, *others: Array | None) -> tuple[Array, ...]:
    """The outputs of all steps, the last one, and the last cell.

    Behind the inputs of LSTM come scale and zero-point of both weights. Weights (direction, features, 4 * hidden) have
    a scale and a zero-point for each direction, or for each of its columns.
    """
    given = (*others, *[None] * 9)[:9]
    b, lengths, initial_h, initial_c, peepholes, *parameters = given
    turned = [(v.shape[0], v.shape[2], v.shape[1]) if v.ndim == 3 else v.shape for v in (w, r)]
    sizes = sizes_of(call, x, turned[0], turned[1], lstm.GATES)
    held = [matrices(codes, *parameters[2 * k : 2 * k + 2]) for k, codes in enumerate((w, r))]
    peeps = shaped(peepholes, (sizes.directions, 3 * sizes.hidden), "the peepholes", x.dtype)
    cell = lstm.cell_of(peeps, bool(call.get("input_forget", 0)))
    wide = lstm.GATES * sizes.hidden

    def products(k: int) -> tuple[Callable[[Array], Array], Callable[[Array, int, int], Array]]:
        inward, back = (direction[k] for direction in held)

        def recur(h: Array, first: int, last: int) -> Array:
            return _product(h, *back)[:, first * wide // lstm.GATES : last * wide // lstm.GATES]

        return lambda rows: _product(rows, *inward), recur

    made: Products = products
    return Recurrence(call, sizes, made, lstm.FUNCTIONS, cell).run(x, b, lengths, initial_h, initial_c)


def _product(rows: Array, codes: Array, scale: Array, point: Array) -> Array:
    """Rows of floats, quantized by their own range, times a matrix of codes."""
    found = dynamic_ops.dynamic_range(rows)
    sums = ops.matmul_integer(dynamic_ops.dynamic_quantize(rows, found), codes, found[1].astype(np.int32), point)
    return np.asarray(sums.astype(np.float32) * (found[0] * scale))


def cost(node: Node, shapes: Shapes) -> int:
    """A multiply-add for each weight, step in time and sample."""
    x, w, r = (shapes[name] for name in node.inputs[:3])
    return x[0] * x[1] * w[0] * w[2] * (w[1] + r[1])


def plan(planner: Planner, node: Node) -> tuple[Symbol, ...]:
    """DynamicQuantizeLSTM by constant weights."""
    return plan_dynamic_lstm(planner, node, lstm.FUNCTIONS)


OPERATOR = Operator(
    name="DynamicQuantizeLSTM",
    domain="com.microsoft",
    run=run,
    attributes=(*_recurrences.ATTRIBUTES, Attribute("input_forget", "int", 0, choices=(0, 1))),
    scales=Scales.CODES,
    traits=Trait.QUANTIZED,
    plan=plan,
    cost=cost,
)
