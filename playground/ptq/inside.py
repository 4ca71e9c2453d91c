"""Weights of a written graph that only a graph inside a node reads go there, codes and DequantizeLinear.

ONNX Runtime joins DequantizeLinear with the MatMul that reads it if both are in one graph and the codes are, too;
elsewhere it dequantizes the weight in every run. With one scale a column that takes some 50 times as long as a product
with one row, so such weights are moved. With one scale in all it takes little, and joined products round activations.
"""

from __future__ import annotations

from dataclasses import replace

from playground.model.graph import Graph, Node, Tensor
from playground.model.graph_view import GraphView
from playground.operators import dequantize_linear, find, if_, mat_mul

Weight = tuple[Node, dict[str, Tensor]]
"""A DequantizeLinear and its constants."""


def with_weights_inside(graph: Graph) -> Graph:
    """The graph with such weights moved; the graph itself if there are none."""
    view = GraphView(graph)
    moved: dict[int, list[Weight]] = {}
    gone: set[str] = set()
    for node in graph.nodes:
        readers = view.readers(node.outputs[0]) if find(node) in dequantize_linear.OPERATORS else ()
        if len(readers) != 1 or not _moves_into(node, readers[0], view):
            continue
        held = {name: graph.initializers[name] for name in node.inputs if name}
        moved.setdefault(id(readers[0]), []).append((node, held))
        gone.update((node.name, *held))
    if not moved:
        return graph
    kept = (node for node in graph.nodes if not (node.name in gone and find(node) in dequantize_linear.OPERATORS))
    nodes = tuple(_with(node, moved[id(node)]) if id(node) in moved else node for node in kept)
    constants = {name: tensor for name, tensor in graph.initializers.items() if name not in gone}
    return graph.with_(nodes=nodes, initializers=constants)


def _moves_into(node: Node, reader: Node, view: GraphView) -> bool:
    """Whether a DequantizeLinear of constants that nobody else reads is read in one of a node's graphs."""
    made = node.outputs[0]
    alone = all(name in view.constants and view.uses(name) == 1 for name in node.inputs if name)
    inside = [branch for branch in reader.branches if _readers(branch, made)]
    scale = view.constants.get(node.inputs[1])
    if not alone or scale is None or scale.size < 2 or made in reader.inputs or made in view.ends or len(inside) != 1:
        return False
    # A body runs often: what is not joined is better dequantized once
    return find(reader) is if_.OPERATOR or all(find(user) is mat_mul.OPERATOR for user in view.users(made))


def _readers(graph: Graph, name: str) -> list[Node]:
    return [node for node in graph.nodes if name in node.reads]


def _with(node: Node, weights: list[Weight]) -> Node:
    """The node with weights in the graphs that read them."""
    attributes = dict(node.attributes)
    for weight in weights:
        for key, held in attributes.items():
            if isinstance(held, Graph) and _readers(held, weight[0].outputs[0]):
                attributes[key] = _holding(held, weight)
    return replace(node, attributes=attributes)


def _holding(graph: Graph, weight: Weight) -> Graph:
    """The graph with a weight in front of the first node that reads it; or further inside, if a branch alone does."""
    node, constants = weight
    readers = _readers(graph, node.outputs[0])
    inside = [branch for branch in readers[0].branches if _readers(branch, node.outputs[0])]
    if len(readers) == 1 and len(inside) == 1 and find(readers[0]) is if_.OPERATOR:
        at = graph.nodes.index(readers[0])
        nodes = (*graph.nodes[:at], _with(readers[0], [weight]), *graph.nodes[at + 1 :])
        return graph.with_(nodes=nodes)
    at = graph.nodes.index(readers[0])
    nodes = (*graph.nodes[:at], node, *graph.nodes[at:])
    return graph.with_(nodes=nodes, initializers={**graph.initializers, **constants})
