"""Constant folding: nodes that read constants alone are computed once, here."""

from __future__ import annotations

import numpy as np

from playground.engines import interpreter
from playground.errors import PlaygroundError
from playground.model.graph import Graph, Node, Tensor
from playground.model.graph_view import GraphView
from playground.operators import dequantize_linear, find, quantize_linear
from playground.ptq.preparation._pass import Pass

MOST = 64 * 2**20
"""Bytes of a result that is kept: a constant that is blown up (Expand) is better computed anew each time."""

_RANDOM = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli")


def apply(view: GraphView) -> tuple[Graph, tuple[str, ...]]:
    """Replace what can be computed; nodes that the interpreter lacks, that draw at random or that fail stay."""
    graph = view.graph
    held = dict(graph.initializers)
    kept: list[Node] = []
    folded = []
    for node in graph.nodes:
        made = None if view.ends.intersection(node.outputs) else _computed(graph, node, held)
        if made is None:
            kept.append(node)
        else:
            held.update(made)
            folded.append(node.name or node.op)
    if not folded:
        return graph, ()
    return graph.with_(nodes=tuple(kept), initializers=held), (f"Computed {len(folded)} constant nodes.",)


def _computed(graph: Graph, node: Node, held: dict[str, Tensor]) -> dict[str, Tensor] | None:
    if any(name and name not in held for name in node.inputs) or node.op in _RANDOM or node.branches:
        return None
    if find(node) in (*quantize_linear.OPERATORS, *dequantize_linear.OPERATORS):  # folding would throw the codes away
        return None
    read = {name: held[name] for name in node.inputs if name}
    alone = graph.with_(inputs=(), outputs=(), nodes=(node,), initializers=read)
    if interpreter.unsupported(alone):
        return None
    try:
        values = interpreter.run_graph(alone, {}, [name for name in node.outputs if name])
    # the node fails at run time too, and is reported there
    except PlaygroundError:
        return None
    if sum(array.nbytes for array in values.values()) > MOST:
        return None
    return {name: Tensor.of(name, np.asarray(array, order="C")) for name, array in values.items()}


PASS = Pass("fold_constants", 10, "Nodes that read constants alone are computed once.", apply)
