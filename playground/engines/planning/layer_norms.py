"""Layer normalization written out (means, a square, a root, a quotient), as exporters do it: one operator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from playground.model.graph import Graph, Node
from playground.model.graph_view import GraphView
from playground.operators import Operator, add, div, find, layer_normalization, mul, reduce_mean, sub
from playground.operators import pow as power
from playground.operators.unary_family import SQRT

_COMMUTE = (add.OPERATOR, mul.OPERATOR)


def with_layer_norms(view: GraphView) -> tuple[Graph, int]:
    """The graph with one LayerNormalization for each such pattern, and how many there are.

    Nodes that only the replaced ones had read are left out. Without a pattern it is the same graph: where
    QuantizeLinear stands between the operators, a file asks for these roundings.
    """
    found = _Patterns(view)
    changed = {id(node): norm for node in view.graph.nodes if (norm := found.at(node)) is not None}
    if not changed:
        return view.graph, 0
    wanted, kept = set(view.ends), list[Node]()
    for old in reversed(view.graph.nodes):
        node = changed.get(id(old), old)
        unread_before = not any(view.uses(name) for name in old.outputs)
        if unread_before or wanted.intersection(node.outputs):
            kept.append(node)
            wanted.update(node.reads)
    return view.graph.with_(nodes=tuple(reversed(kept))), len(changed)


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Looks backwards from a node of the graph that ``view`` is of."""

    view: GraphView

    def at(self, last: Node) -> Node | None:
        """The normalization that ends with this node: ``x_hat * scale + bias``."""
        for scaled, bias in self.operands(last, add.OPERATOR):
            for normal, scale in self.operands(self.view.producer(scaled), mul.OPERATOR):
                found = self.normalized(self.view.producer(normal))
                shapes = [self.view.constants[name].shape for name in (scale, bias) if self.is_float(name)]
                if found is not None and len(shapes) == 2 and shapes[0] == shapes[1] and len(shapes[0]) == 1:
                    x, epsilon = found
                    attributes = {"axis": -1, "epsilon": epsilon}
                    return Node(
                        layer_normalization.OPERATOR.name, last.name, (x, scale, bias), last.outputs, attributes
                    )
        return None

    def normalized(self, node: Node | None) -> tuple[str, float] | None:
        """Of ``(x - mean) / sqrt(mean of its square + epsilon)``: x and epsilon."""
        for centred, root in self.operands(node, div.OPERATOR):
            x = self.centred(centred)
            for inner in self.inputs(root, SQRT):
                for variance, constant in self.operands(self.view.producer(inner), add.OPERATOR):
                    epsilon, of = self.number(constant), self.squared(self.mean(variance))
                    if x is not None and epsilon is not None and of is not None and self.centred(of) == x:
                        return x, epsilon
        return None

    def centred(self, name: str) -> str | None:
        """The x of ``x - mean(x)``."""
        for x, mean in self.operands(self.view.producer(name), sub.OPERATOR):
            return x if self.mean(mean) == x else None
        return None

    def squared(self, name: str | None) -> str | None:
        """The d of ``d ** 2`` or ``d * d``."""
        node = self.view.producer(name or "")
        for base, exponent in self.operands(node, power.OPERATOR):
            return base if self.number(exponent) == 2 else None
        for one, other in self.operands(node, mul.OPERATOR):
            return one if one == other else None
        return None

    def mean(self, name: str) -> str | None:
        """The x of a mean over the last axis that keeps it."""
        node = self.view.producer(name)
        if node is None or find(node) is not reduce_mean.OPERATOR or not node.attributes.get("keepdims", 1):
            return None
        held = self.view.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
        return node.inputs[0] if held is not None and held.numpy().reshape(-1).tolist() == [-1] else None

    def operands(self, node: Node | None, op: Operator) -> Iterator[tuple[str, str]]:
        """The two inputs of a node if it is this operator; in either order where that does not matter."""
        if node is not None and find(node) is op:
            yield node.inputs[0], node.inputs[1]
            if op in _COMMUTE:
                yield node.inputs[1], node.inputs[0]

    def inputs(self, name: str, op: Operator) -> tuple[str, ...]:
        """What makes a tensor by this operator reads."""
        node = self.view.producer(name)
        return node.inputs if node is not None and find(node) is op else ()

    def number(self, name: str) -> float | None:
        """A constant of one element."""
        held = self.view.constants.get(name)
        return float(np.asarray(held.numpy()).reshape(())) if held is not None and held.size == 1 else None

    def is_float(self, name: str) -> bool:
        """Whether it is a constant of float32."""
        return name in self.view.constants and self.view.constants[name].dtype == "float32"
