"""Dropout, which at inference gives its input as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators import identity
from playground.operators._attributes import Attribute
from playground.operators._operator import Operator
from playground.operators._ranks import as_input
from playground.operators._upgrades import Older, without
from playground.programs.call import Array, Call


def run(call: Call, x: Array, ratio: Array | None = None, training: Array | None = None) -> Array | tuple[Array, Array]:
    """At inference the identity, and a mask that keeps everything. Raises UnsupportedError in training."""
    if training is not None and training.any() and (ratio is None or ratio.any()):
        raise UnsupportedError("Dropout in training mode is not supported", hint="Export the model for inference")
    return (x, np.ones(x.shape, bool)) if call.outputs > 1 else x


def _upgrade(older: Older, node: Node) -> Node:
    """The share that training drops was an attribute before operator set 12; the mask was of zeros in ONNX Runtime."""
    if older.opset >= 12:
        return node
    today = without(node, "ratio")
    if not any(node.outputs[1:]):
        return replace(today, outputs=node.outputs[:1])
    kept = older.names.take(f"{node.outputs[1]}_kept")
    older.nodes.append(replace(today, outputs=(node.outputs[0], kept)))
    if older.opset >= 10:
        return Node("Not", older.node_names.take(f"{node.name}_mask"), (kept,), node.outputs[1:2])
    dropped = older.add("Not", node, "dropped", (kept,))
    return Node("CastLike", older.node_names.take(f"{node.name}_mask"), (dropped, node.inputs[0]), node.outputs[1:2])


OPERATOR = Operator(
    name="Dropout",
    run=run,
    attributes=(Attribute("seed", "int", since=12),),
    data=(0,),
    traits=identity.OPERATOR.traits,
    rank=as_input,
    since=(1, 12),
    upgrade=_upgrade,
    plan=identity.plan,
)
