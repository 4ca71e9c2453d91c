"""Graphs as planning takes them: quantized operators as the QDQ graphs they mean."""

from __future__ import annotations

from dataclasses import replace

from playground.model.graph import Graph
from playground.operators import find
from playground.operators._qdq import Expansion


def expanded(graph: Graph) -> Graph:
    """The graph with every quantized operator written out; the graph itself if it has none.

    ``QLinearX(a, a_scale, a_zero, ...)`` is ``QuantizeLinear(X(DequantizeLinear(a, a_scale, a_zero), ...))``: written
    out like that, planning has to know one form only. A node that cannot be written out stays as it is, and planning
    names it.
    """
    made, changed = Expansion(graph), False
    for node in graph.nodes:
        operator = find(node)
        before = len(made.nodes)
        try:
            if operator is None or operator.expand is None:
                made.nodes.append(node)
            else:
                operator.expand(made, node)
                changed = True
        except Exception:  # its inputs are not what it takes
            del made.nodes[before:]
            made.nodes.append(replace(node))
    if not changed:
        return graph
    return graph.with_(nodes=tuple(made.nodes), initializers={**graph.initializers, **made.constants})
