"""Batch normalization behind a convolution (or a Gemm) goes into its weights and bias."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from playground.arrays import Float32
from playground.model.graph import Graph, Node, Tensor
from playground.model.graph_view import GraphView
from playground.model.naming import FreeNames
from playground.operators import batch_normalization, find
from playground.ptq.preparation._pass import Pass

_DEFAULT_EPSILON = 1e-5


def apply(view: GraphView) -> tuple[Graph, tuple[str, ...]]:
    """Fold every BatchNormalization whose input is made by a product with constant weights, and read by it alone."""
    graph = view.graph
    held, changed, gone = dict(graph.initializers), {}, set()
    free = FreeNames.of(graph)
    for norm in graph.nodes:
        product = view.producer(norm.inputs[0]) if find(norm) is batch_normalization.OPERATOR else None
        if product is None or view.uses(norm.inputs[0]) != 1 or id(product) in changed:
            continue
        if not _foldable(view, product, norm, held):
            continue
        node, constants = _folded(view, product, norm, held, free)
        held.update(constants)
        changed[id(product)] = node
        gone.add(id(norm))
    if not gone:
        return graph, ()
    nodes = tuple(changed.get(id(node), node) for node in graph.nodes if id(node) not in gone)
    return graph.with_(nodes=nodes, initializers=held), (f"Folded {len(gone)} batch normalizations into weights.",)


def _foldable(view: GraphView, product: Node, norm: Node, held: dict[str, Tensor]) -> bool:
    operator = find(product)
    if operator is None or operator.bias is None or view.weight(product) is None or len(norm.outputs) > 1:
        return False
    if norm.attributes.get("training_mode", 0):
        return False
    names = [*product.inputs[1:], *norm.inputs[1:]]
    if any(name and (name not in held or held[name].dtype != "float32") for name in names):
        return False
    bias = held[product.inputs[2]].shape if len(product.inputs) > 2 and product.inputs[2] else ()
    plain = operator.get(product, "alpha", 1.0) == 1.0 and operator.get(product, "beta", 1.0) == 1.0
    groups = operator.get(product, "group", 1)  # of a transposed convolution they lie across the channels
    return plain and len(bias) <= 1 and (groups == 1 or view.channel_axis(product) == 0)


def _folded(
    view: GraphView, product: Node, norm: Node, held: dict[str, Tensor], free: FreeNames
) -> tuple[Node, dict[str, Tensor]]:
    """The product with other constants, and these: under the old names where no other node reads the old ones."""
    scale, shift, mean, variance = (held[name].numpy().astype(np.float64) for name in norm.inputs[1:5])
    factor = scale / np.sqrt(variance + float(norm.attributes.get("epsilon", _DEFAULT_EPSILON)))
    weight = product.inputs[1]
    values = held[weight].numpy().astype(np.float64)
    shape = [1] * values.ndim
    shape[view.channel_axis(product) or 0] = -1
    bias = product.inputs[2] if len(product.inputs) > 2 else ""
    old = held[bias].numpy().astype(np.float64) if bias else np.zeros(factor.size)
    tail = norm.name or "folded"
    # Under its old name a weight is found by rules and overrides
    names = tuple(
        name if name and view.uses(name) == 1 else free.take(f"{name or f'{product.name}.bias'}_{tail}")
        for name in (weight, bias)
    )
    made = {
        names[0]: Tensor.of(names[0], _float32(values * factor.reshape(shape))),
        names[1]: Tensor.of(names[1], _float32((old - mean) * factor + shift)),
    }
    return replace(product, inputs=(product.inputs[0], *names), outputs=norm.outputs), made


def _float32(values: np.ndarray) -> Float32:
    return np.ascontiguousarray(values, np.float32)


PASS = Pass("fold_batch_norm", 20, "Batch normalization behind a product goes into its weights.", apply)
