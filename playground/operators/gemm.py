"""Gemm: a product of matrices, scaled, plus a bias."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Node
from playground.operators._attributes import Attribute, flag
from playground.operators._float_forms import either, float_constant
from playground.operators._float_products import float_matrix, product_by_constant, product_of_values, turned
from playground.operators._floats import float_input
from playground.operators._operator import Form, Operator, Scales, Shapes, Weight
from playground.operators._products import Weights, bias_of, product_by, weights_of
from playground.operators._ranks import always
from playground.programs.call import Array, Call
from playground.programs.fast_products import product
from playground.programs.float_products import Finish
from playground.programs.planner import Deferred, Planner, Symbol


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


def _plan_integers(planner: Planner, node: Node) -> Deferred:
    """Gemm without transA, alpha or beta."""
    if node.attributes["transA"] or (node.attributes["alpha"], node.attributes["beta"]) != (1, 1):
        raise UnsupportedError("transA, alpha and beta are not supported")
    transposed = bool(node.attributes["transB"])
    x = planner.real(node.inputs[0])
    weights = weights_of(planner, node.inputs[1], channel_axis=0 if transposed else 1)
    if transposed:
        weights = Weights(np.ascontiguousarray(weights.offsets.T), weights.scale)
    return product_by(planner, x, weights, bias_of(planner, node, x, weights))


def _plan_floats(planner: Planner, node: Node) -> Symbol:
    """Gemm of float32 without transA, and with a constant bias for each column."""
    left, right = node.inputs[:2]
    if node.attributes["transA"] or len(planner.shape(left)) != 2 or len(planner.shape(right)) != 2:
        raise UnsupportedError("transA is not supported")
    transposed = bool(node.attributes["transB"])
    columns = planner.shape(right)[0 if transposed else 1]
    finish = Finish(_float_bias(planner, node, columns), np.float32(node.attributes["alpha"]))
    weights = float_matrix(planner, right)
    if weights is None:
        other = turned(planner, right) if transposed else float_input(planner, right)
        return product_of_values(planner, float_input(planner, left), other, finish)
    matrix = np.ascontiguousarray(weights.T) if transposed else weights
    return product_by_constant(planner, left, matrix, finish)


def _float_bias(planner: Planner, node: Node, columns: int) -> NDArray[np.float32]:
    """Beta * C as a number for each column; UnsupportedError if it is computed, or differs along the rows."""
    beta = np.float32(node.attributes["beta"])
    if len(node.inputs) < 3 or not node.inputs[2] or beta == 0:
        return np.zeros(columns, np.float32)
    bias = float_constant(planner, node.inputs[2], "bias")
    if bias.size not in (1, columns) or (bias.size > 1 and bias.shape[-1] != columns):
        raise UnsupportedError(f"a bias of shape {bias.shape} differs along the rows")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(np.broadcast_to(bias.reshape(-1) * beta, (columns,)), np.float32)


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
    plan=either(_plan_integers, _plan_floats),
    cost=cost,
)
