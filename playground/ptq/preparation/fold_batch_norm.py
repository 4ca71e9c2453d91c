"""Batch normalization behind a convolution (or a Gemm) goes into its weights and bias."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from playground.arrays import Float32
from playground.model.graph import Graph, Node, Tensor
from playground.ptq.free_names import FreeNames
from playground.ptq.preparation._pass import Pass, uses_of

_DEFAULT_EPSILON = 1e-5


def apply(graph: Graph) -> tuple[Graph, tuple[str, ...]]:
    """Fold every BatchNormalization whose input is made by a product with constant weights, and read by it alone."""
    uses = uses_of(graph)
    makers = {name: node for node in graph.nodes for name in node.outputs if name}
    held, changed, gone = dict(graph.initializers), {}, set()
    free = FreeNames(graph)
    for norm in graph.nodes:
        product = makers.get(norm.inputs[0]) if norm.op == "BatchNormalization" and not norm.domain else None
        if product is None or uses[norm.inputs[0]] != 1 or id(product) in changed:
            continue
        if not _foldable(product, norm, held, uses):
            continue
        node, constants = _folded(product, norm, held, free)
        held.update(constants)
        changed[id(product)] = node
        gone.add(id(norm))
    if not gone:
        return graph, ()
    nodes = tuple(changed.get(id(node), node) for node in graph.nodes if id(node) not in gone)
    return graph.with_(nodes=nodes, initializers=held), (f"Folded {len(gone)} batch normalizations into weights.",)


def _foldable(product: Node, norm: Node, held: dict[str, Tensor], uses: dict[str, int]) -> bool:
    if product.op not in ("Conv", "ConvTranspose", "Gemm") or product.domain or len(norm.outputs) > 1:
        return False
    if norm.attributes.get("training_mode", 0) or len(product.inputs) < 2:
        return False
    names = [*product.inputs[1:], *norm.inputs[1:]]
    if any(name and (name not in held or held[name].dtype != "float32") for name in names):
        return False
    if product.op == "Gemm":
        bias = held[product.inputs[2]].shape if len(product.inputs) > 2 and product.inputs[2] else ()
        plain = product.attributes.get("alpha", 1.0) == 1.0 and product.attributes.get("beta", 1.0) == 1.0
        return plain and len(bias) <= 1
    return product.op == "Conv" or product.attributes.get("group", 1) == 1


def _folded(product: Node, norm: Node, held: dict[str, Tensor], free: FreeNames) -> tuple[Node, dict[str, Tensor]]:
    """The product with other constants, named after the old ones, and these constants."""
    scale, shift, mean, variance = (held[name].numpy().astype(np.float64) for name in norm.inputs[1:5])
    factor = scale / np.sqrt(variance + float(norm.attributes.get("epsilon", _DEFAULT_EPSILON)))
    weight = product.inputs[1]
    values = held[weight].numpy().astype(np.float64)
    axis = _output_axis(product)
    shape = [1] * values.ndim
    shape[axis] = -1
    bias = product.inputs[2] if len(product.inputs) > 2 else ""
    old = held[bias].numpy().astype(np.float64) if bias else np.zeros(factor.size)
    tail = norm.name or "folded"  # other nodes may read the old constants too
    names = free.take(f"{weight}_{tail}"), free.take(f"{bias or f'{product.name}.bias'}_{tail}")
    made = {
        names[0]: Tensor.of(names[0], _float32(values * factor.reshape(shape))),
        names[1]: Tensor.of(names[1], _float32((old - mean) * factor + shift)),
    }
    return replace(product, inputs=(product.inputs[0], *names), outputs=norm.outputs), made


def _output_axis(product: Node) -> int:
    if product.op == "Gemm":
        return 0 if product.attributes.get("transB", 0) else 1
    return 1 if product.op == "ConvTranspose" else 0


def _float32(values: np.ndarray) -> Float32:
    return np.ascontiguousarray(values, np.float32)


PASS = Pass("fold_batch_norm", 20, "Batch normalization behind a product goes into its weights.", apply)
