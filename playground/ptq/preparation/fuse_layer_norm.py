"""Layer normalization written out (means, a square, a root, a quotient) becomes ONNX's own LayerNormalization.

Exporters write it out for operator sets before 17. As one operator it is quantized as one and runs in one kernel.
"""

from __future__ import annotations

from playground.engines.planning.layer_norms import with_layer_norms
from playground.model.graph import Graph
from playground.model.graph_view import GraphView
from playground.ptq.preparation._pass import Pass

_SINCE = 17  # the operator set that has LayerNormalization


def apply(view: GraphView) -> tuple[Graph, tuple[str, ...]]:
    """Replace every such pattern, and leave out the nodes that only it had read."""
    if view.graph.opset < _SINCE:
        return view.graph, ()
    changed, count = with_layer_norms(view)
    return changed, (f"Wrote {count} layer normalizations as one operator each.",) if count else ()


PASS = Pass("fuse_layer_norm", 15, "Layer normalization written out becomes one operator.", apply)
