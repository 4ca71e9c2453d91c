"""Weights of a written graph that only a graph inside a node reads go there, codes and DequantizeLinear.

ONNX Runtime joins DequantizeLinear with the MatMul that reads it if both are in one graph and the codes are, too;
elsewhere it dequantizes the weight in every run. With one scale a column that takes some 50 times as long as a product
with one row, so such weights are moved. With one scale in all it takes little, and joined products round activations.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from playground.model.graph import Graph, Node
from playground.model.graph_view import GraphView
from playground.operators import dequantize_linear, find, if_, mat_mul

Readers = dict[str, list[Node]]
"""Value -> the nodes of one graph that read it, or whose branches do."""


def with_weights_inside(graph: Graph) -> Graph:
    """The graph with such weights moved; the graph itself if there are none."""
    if not any(node.branches for node in graph.nodes):
        return graph
    view = GraphView(graph)
    weights = {node.outputs[0]: node for node in graph.nodes if _is_movable(node, view)}
    moving = _Moving(graph, view, weights)
    wanted: dict[int, set[str]] = {}
    for name in weights:
        wanted.setdefault(id(view.readers(name)[0]), set()).add(name)
    nodes = [moving.into(node, wanted[id(node)]) if id(node) in wanted else node for node in graph.nodes]
    if not moving.moved:
        return graph
    gone = {name for made in moving.moved for name in weights[made].inputs}
    kept = tuple(node for node in nodes if not moving.moved.intersection(node.outputs))
    constants = {name: tensor for name, tensor in graph.initializers.items() if name not in gone}
    return graph.with_(nodes=kept, initializers=constants)


def _is_movable(node: Node, view: GraphView) -> bool:
    """Whether a node dequantizes constants that no other node reads, with many scales, for one node with branches."""
    if find(node) not in dequantize_linear.OPERATORS or node.outputs[0] in view.ends:
        return False
    alone = all(name in view.constants and view.uses(name) == 1 for name in node.inputs if name)
    readers = view.readers(node.outputs[0])
    return alone and view.constants[node.inputs[1]].size > 1 and len(readers) == 1 and bool(readers[0].branches)


def _readers(graph: Graph, names: Collection[str]) -> Readers:
    found: Readers = {}
    for node in graph.nodes:
        for name in dict.fromkeys(node.reads):
            if name in names:
                found.setdefault(name, []).append(node)
    return found


@dataclass(frozen=True, slots=True)
class _Moving:
    """Moves weights.

    Attributes:
        graph: the graph around all others.
        view: of it.
        weights: name of a weight in float -> the node that dequantizes it.
        moved: names of those that have been moved.
    """

    graph: Graph
    view: GraphView
    weights: Mapping[str, Node]
    moved: set[str] = field(default_factory=set)

    def into(self, node: Node, names: set[str]) -> Node:
        """The node with those of the named weights in its graphs that one of them reads alone."""
        held = {key: value for key, value in node.attributes.items() if isinstance(value, Graph)}
        readers = {key: _readers(value, names) for key, value in held.items()}
        changed = {}
        for key, value in held.items():
            others = [found for other, found in readers.items() if other != key]
            alone = {name for name in readers[key] if not any(name in found for found in others)}
            fitting = {name for name in alone if name not in node.inputs and self._may_be_in(node, name)}
            if fitting:
                changed[key] = self._holding(value, {name: readers[key][name] for name in fitting})
        return replace(node, attributes={**node.attributes, **changed}) if changed else node

    def _may_be_in(self, node: Node, name: str) -> bool:
        """A body runs often: a weight that is not joined with its product is better dequantized once."""
        joined = all(find(user) is mat_mul.OPERATOR for user in self.view.users(name))
        return joined or find(node) is if_.OPERATOR

    def _holding(self, graph: Graph, readers: Readers) -> Graph:
        """The graph with weights further inside where that can be, else in front of the first node that reads them."""
        deeper: dict[int, set[str]] = {}
        for name, nodes in readers.items():
            if len(nodes) == 1 and nodes[0].branches:
                deeper.setdefault(id(nodes[0]), set()).add(name)
        given = {id(node): self.into(node, deeper[id(node)]) if id(node) in deeper else node for node in graph.nodes}
        first: dict[int, list[str]] = {}
        for name, nodes in readers.items():
            if name not in self.moved:
                first.setdefault(id(nodes[0]), []).append(name)
        made: list[Node] = []
        constants = dict(graph.initializers)
        for node in graph.nodes:
            for name in first.get(id(node), ()):
                made.append(self.weights[name])
                constants |= {held: self.graph.initializers[held] for held in self.weights[name].inputs if held}
                self.moved.add(name)
            made.append(given[id(node)])
        return graph.with_(nodes=tuple(made), initializers=constants)
