"""Layer normalization written out (means, a square, a root, a quotient) as exporters do it: where it is in a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from playground.model.graph import Graph, Node

_COMMUTE = ("Add", "Mul")


def written_out(graph: Graph) -> dict[int, Node]:
    """Of each last node of such a pattern, by its ``id``: the LayerNormalization that gives the same."""
    found = _Patterns(graph, {name: node for node in graph.nodes for name in node.outputs if name})
    return {id(node): norm for node in graph.nodes if (norm := found.at(node)) is not None}


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Looks backwards from a node.

    Attributes:
        graph: where it stands.
        makers: tensor -> the node that makes it.
    """

    graph: Graph
    makers: Mapping[str, Node]

    def at(self, last: Node) -> Node | None:
        """The normalization that ends with this node: ``x_hat * scale + bias``."""
        for scaled, bias in self.operands(last, "Add"):
            for normal, scale in self.operands(self.makers.get(scaled), "Mul"):
                found = self.normalized(self.makers.get(normal))
                shapes = [self.graph.initializers[name].shape for name in (scale, bias) if self.is_float(name)]
                if found is not None and len(shapes) == 2 and shapes[0] == shapes[1] and len(shapes[0]) == 1:
                    x, epsilon = found
                    attributes = {"axis": -1, "epsilon": epsilon}
                    return Node("LayerNormalization", last.name, (x, scale, bias), last.outputs, attributes)
        return None

    def normalized(self, node: Node | None) -> tuple[str, float] | None:
        """Of ``(x - mean) / sqrt(mean of its square + epsilon)``: x and epsilon."""
        for centred, root in self.operands(node, "Div"):
            x = self.centred(centred)
            for inner in self.inputs(root, "Sqrt"):
                for variance, constant in self.operands(self.makers.get(inner), "Add"):
                    epsilon, of = self.number(constant), self.squared(self.mean(variance))
                    if x is not None and epsilon is not None and of is not None and self.centred(of) == x:
                        return x, epsilon
        return None

    def centred(self, name: str) -> str | None:
        """The x of ``x - mean(x)``."""
        for x, mean in self.operands(self.makers.get(name), "Sub"):
            return x if self.mean(mean) == x else None
        return None

    def squared(self, name: str | None) -> str | None:
        """The d of ``d ** 2`` or ``d * d``."""
        node = self.makers.get(name or "")
        for base, exponent in self.operands(node, "Pow"):
            return base if self.number(exponent) == 2 else None
        for one, other in self.operands(node, "Mul"):
            return one if one == other else None
        return None

    def mean(self, name: str) -> str | None:
        """The x of a mean over the last axis that keeps it."""
        node = self.makers.get(name)
        if node is None or node.op != "ReduceMean" or node.domain or not node.attributes.get("keepdims", 1):
            return None
        axes = node.attributes.get("axes")
        if axes is None and len(node.inputs) > 1 and node.inputs[1] in self.graph.initializers:
            axes = self.graph.initializers[node.inputs[1]].numpy().reshape(-1).tolist()
        return node.inputs[0] if axes is not None and list(axes) == [-1] else None

    def operands(self, node: Node | None, op: str) -> Iterator[tuple[str, str]]:
        """The two inputs of a node if it is this operator; in either order where that does not matter."""
        if node is not None and node.op == op and not node.domain:
            yield node.inputs[0], node.inputs[1]
            if op in _COMMUTE:
                yield node.inputs[1], node.inputs[0]

    def inputs(self, name: str, op: str) -> tuple[str, ...]:
        """What makes a tensor by this operator reads."""
        node = self.makers.get(name)
        return node.inputs if node is not None and node.op == op and not node.domain else ()

    def number(self, name: str) -> float | None:
        """A constant of one element."""
        held = self.graph.initializers.get(name)
        return float(np.asarray(held.numpy()).reshape(())) if held is not None and held.size == 1 else None

    def is_float(self, name: str) -> bool:
        """Whether it is a constant of float32."""
        return name in self.graph.initializers and self.graph.initializers[name].dtype == "float32"
