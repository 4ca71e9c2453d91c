"""Layer normalization written out (means, a square, a root, a quotient) becomes ONNX's own LayerNormalization.

Exporters write it out for operator sets before 17. As one operator it is quantized as one and runs in one kernel.
"""

from __future__ import annotations

from playground.engines.planning.layer_norms import with_layer_norms
from playground.model.graph import Graph
from playground.model.graph_view import GraphView
from playground.opening.operator_sets import with_operator_set
from playground.ptq.preparation._pass import Pass


def apply(view: GraphView) -> tuple[Graph, tuple[str, ...]]:
    """Replace every such pattern, and leave out the nodes that only it had read."""
    changed, count = with_layer_norms(view)
    if not count:
        return view.graph, ()
    return with_operator_set(changed), (f"Wrote {count} layer normalizations as one operator each.",)


PASS = Pass("fuse_layer_norm", 15, "Layer normalization written out becomes one operator.", apply)
