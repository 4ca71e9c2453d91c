"""Graphs as planning takes them: quantized operators as the QDQ graphs they mean, operators in today's form."""

from __future__ import annotations

from dataclasses import replace

from playground.model.graph import Graph, Tensor
from playground.operators import find
from playground.operators._qdq import Expansion
from playground.programs.call import Array


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


def upgraded(graph: Graph) -> Graph:
    """The graph with its operators in the newest form known here; the graph itself if they are."""
    constants: dict[str, Tensor] = {}

    def constant(name: str, array: Array) -> str:
        constants[name] = Tensor.of(name, array)
        return name

    nodes = []
    for node in graph.nodes:
        operator = find(node)
        upgrade = operator.upgrade if operator is not None else None
        try:
            nodes.append(node if upgrade is None else upgrade(node, graph.opset, constant))
        except Exception:  # its attributes are none: planning names it
            nodes.append(node)
    if not constants:
        return graph
    return graph.with_(nodes=tuple(nodes), initializers={**graph.initializers, **constants})
