"""What a pass is: from one graph to another that computes the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from playground.model.graph import Graph, Node
from playground.ptq.placement import reads


@dataclass(frozen=True, slots=True)
class Pass:
    """A change of a graph that leaves its outputs as they are.

    Attributes:
        id: stable name.
        order: passes run in this order.
        summary: one line: what it does.
        apply: graph -> changed graph (the same object if there is nothing to do), and a sentence for each change.
    """

    id: str
    order: int
    summary: str
    apply: Callable[[Graph], tuple[Graph, tuple[str, ...]]]


def uses_of(graph: Graph) -> Counter[str]:
    """How often each tensor is read: by nodes, by the graphs inside them, and as an output of the graph."""
    counted = Counter(name for node in graph.nodes for name in reads(node))
    counted.update(value.name for value in graph.outputs)
    return counted


def has_inner_graph(node: Node) -> bool:
    """Whether it is control flow."""
    return any(isinstance(held, Graph) for held in node.attributes.values())
