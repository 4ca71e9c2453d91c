"""From older forms of operators to today's: what was an attribute becomes an input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from playground.model.graph import Node
from playground.programs.call import Array


def axes_as_input(node: Node, opset: int, constant: Callable[[str, Array], str]) -> Node:
    """Axes, an attribute of Squeeze and Unsqueeze before operator set 13 and of ReduceMean before 18, as an input."""
    axes = node.attributes.get("axes")
    if axes is None or len(node.inputs) > 1:
        return node
    name = constant(f"{node.outputs[0]}:axes", np.array(axes, np.int64))
    attributes = {key: value for key, value in node.attributes.items() if key != "axes"}
    return replace(node, inputs=(node.inputs[0], name), attributes=attributes)
