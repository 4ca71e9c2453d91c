"""Dead code: nodes whose results are not read, Identity and Dropout at inference, and constants that are not read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from playground.model.graph import Graph, Node
from playground.model.graph_view import GraphView, needed_for
from playground.operators import Trait, find
from playground.ptq.preparation._pass import Pass


def apply(view: GraphView) -> tuple[Graph, tuple[str, ...]]:
    """Remove them."""
    graph = view.graph
    kept = needed_for(view.ends, _without_identities(view))
    wanted = view.ends.union(*(node.reads for node in kept))
    held = {name: tensor for name, tensor in graph.initializers.items() if name in wanted}
    gone, dropped = len(graph.nodes) - len(kept), len(graph.initializers) - len(held)
    if not gone and not dropped:
        return graph, ()
    told = f"Removed {gone} nodes and {dropped} constants that have no effect."
    return graph.with_(nodes=kept, initializers=held), (told,)


def _without_identities(view: GraphView) -> list[Node]:
    """The nodes without those that pass their input on, where nothing but other nodes reads what they give."""
    fixed = view.ends.union(*(node.reads for node in view.graph.nodes if node.branches))
    same: dict[str, str] = {}
    kept = []
    for node in view.graph.nodes:
        source = same.get(node.inputs[0], node.inputs[0]) if node.inputs else ""
        if _passes_on(node, view.graph) and node.outputs[0] not in fixed:
            same[node.outputs[0]] = source
        else:
            inputs = tuple(same.get(name, name) for name in node.inputs)
            kept.append(node if inputs == node.inputs else replace(node, inputs=inputs))
    return kept


def _passes_on(node: Node, graph: Graph) -> bool:
    operator = find(node)
    if operator is None or Trait.REMOVABLE not in operator.traits or any(node.outputs[1:]):
        return False
    training: Any = node.inputs[2] if len(node.inputs) > 2 else ""
    if training:
        return training in graph.initializers and not graph.initializers[training].numpy().any()
    return True


PASS = Pass("remove_dead", 40, "Nodes and constants that have no effect are removed.", apply)
