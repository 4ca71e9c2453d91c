"""Gemm: a product of matrices, scaled, plus a bias."""

from __future__ import annotations

import math

import numpy as np

from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Node
from playground.operators._attributes import Attribute, flag
from playground.operators._operator import Form, Operator, Scales, Shapes, Weight
from playground.operators._products import Weights, bias_of, product_by, weights_of
from playground.operators._ranks import always
from playground.programs.call import Array, Call
from playground.programs.fast_products import product
from playground.programs.planner import Deferred, Planner


def run(call: Call, a: Array, b: Array, c: Array | None = None) -> Array:
    """Alpha * A @ B + beta * C, A and B transposed if asked."""
    a, b = (a.T if call.get("transA") else a), (b.T if call.get("transB") else b)
    if a.ndim != 2 or b.ndim != 2:
        raise InvalidInputError(
            f"values of shape {list(a.shape)} and {list(b.shape)} are not two matrices", hint="Give two axes to each"
        )
    call.room.value((a.shape[0], b.shape[1]), a.dtype)
    call.room.work(a.size * b.shape[1])
    y = product(a, b)
    alpha, beta = call.get("alpha"), call.get("beta")
    if alpha != 1:
        y *= y.dtype.type(alpha)
    if c is not None and beta != 0:
        y += c if beta == 1 else y.dtype.type(beta) * c
    return y


def plan(planner: Planner, node: Node) -> Deferred:
    """Gemm without transA, alpha or beta."""
    if node.attributes["transA"] or (node.attributes["alpha"], node.attributes["beta"]) != (1, 1):
        raise UnsupportedError("transA, alpha and beta are not supported")
    transposed = bool(node.attributes["transB"])
    x = planner.real(node.inputs[0])
    weights = weights_of(planner, node.inputs[1], channel_axis=0 if transposed else 1)
    if transposed:
        weights = Weights(np.ascontiguousarray(weights.offsets.T), weights.scale)
    return product_by(planner, x, weights, bias_of(planner, node, x, weights))


def cost(node: Node, shapes: Shapes) -> int:
    """A multiply-add for each output and each place along the depth."""
    return math.prod(shapes[node.outputs[0]]) * shapes[node.inputs[0]][0 if node.attributes.get("transA", 0) else 1]


OPERATOR = Operator(
    name="Gemm",
    ranks=(2, 2),
    run=run,
    attributes=(Attribute("alpha", "float", 1.0), Attribute("beta", "float", 1.0), flag("transA"), flag("transB")),
    weights=(Weight(1, lambda node, rank: 0 if node.attributes.get("transB", 0) else 1),),
    bias=2,
    scales=Scales.PRODUCT,
    forms=Form.DEFAULT | Form.DYNAMIC | Form.WEIGHT_ONLY,
    rank=always(2),
    plan=plan,
    cost=cost,
)
