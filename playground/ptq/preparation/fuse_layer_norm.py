"""Layer normalization written out (means, a square, a root, a quotient) becomes ONNX's own LayerNormalization.

Exporters write it out for operator sets before 17. As one operator it is quantized as one and runs in one kernel.
"""

from __future__ import annotations

from playground.model.graph import Graph, Node
from playground.operators._layer_norm_pattern import written_out
from playground.ptq.placement import reads
from playground.ptq.preparation._pass import Pass

_SINCE = 17  # the operator set that has LayerNormalization


def apply(graph: Graph) -> tuple[Graph, tuple[str, ...]]:
    """Replace the last node of every such pattern; what nobody reads any more is left for ``remove_dead``."""
    if graph.opset < _SINCE:
        return graph, ()
    changed = written_out(graph)
    if not changed:
        return graph, ()
    nodes = tuple(changed.get(id(node), node) for node in graph.nodes)
    told = f"Wrote {len(changed)} layer normalizations as one operator each."
    return graph.with_(nodes=_alive(graph, nodes)), (told,)


def _alive(graph: Graph, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Without the nodes that only the replaced ones had read."""
    before = {name for node in graph.nodes for name in reads(node)}
    kept: list[Node] = []
    wanted = {value.name for value in graph.outputs}
    for node in reversed(nodes):
        if wanted.intersection(node.outputs) or not before.intersection(node.outputs):
            kept.append(node)
            wanted.update(reads(node))
    return tuple(reversed(kept))


PASS = Pass("fuse_layer_norm", 15, "Layer normalization written out becomes one operator.", apply)
