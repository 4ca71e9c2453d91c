"""Layer normalization written out in a quantized file, where no rounding stands between its operators: one operator."""

from __future__ import annotations

from playground.model.graph import Graph, Node
from playground.operators._layer_norm_pattern import written_out


def with_layer_norms(graph: Graph) -> Graph:
    """The graph with LayerNormalization where it was written out in float32; the graph itself if it was nowhere.

    Where QuantizeLinear stands between the operators, the file asks for these roundings, and nothing changes. Nodes
    that only the replaced ones had read are left out.
    """
    changed = written_out(graph)
    if not changed or any(isinstance(held, Graph) for node in graph.nodes for held in node.attributes.values()):
        return graph
    before = {name for node in graph.nodes for name in node.inputs}
    wanted, kept = {value.name for value in graph.outputs}, list[Node]()
    for old in reversed(graph.nodes):
        node = changed.get(id(old), old)
        if wanted.intersection(node.outputs) or not before.intersection(node.outputs):
            kept.append(node)
            wanted.update(node.inputs)
    return graph.with_(nodes=tuple(reversed(kept)))
