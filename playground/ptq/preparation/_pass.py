"""What a pass is: from one graph to another that computes the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playground.model.graph import Graph
from playground.model.graph_view import GraphView


@dataclass(frozen=True, slots=True)
class Pass:
    """A change of a graph that leaves its outputs as they are.

    Attributes:
        id: stable name.
        order: passes run in this order.
        summary: one line: what it does.
        apply: view of a graph -> changed graph (the same object if there is nothing to do), and a sentence for each
            change.
    """

    id: str
    order: int
    summary: str
    apply: Callable[[GraphView], tuple[Graph, tuple[str, ...]]]
