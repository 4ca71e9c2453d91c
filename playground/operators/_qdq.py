"""Quantized operators written out as what they mean: ``QuantizeLinear(X(DequantizeLinear(a, ...), ...))``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Graph, Node, Tensor


@dataclass(slots=True)
class Expansion:
    """The new nodes and constants of one graph."""

    graph: Graph
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, Tensor] = field(default_factory=dict)

    def real(self, node: Node, place: int, axis: int | None = None) -> str:
        """Input ``place`` of a node, followed by its scale and zero-point, as a real tensor."""
        inputs = node.inputs[place : place + 3]
        name = f"{node.outputs[0]}:{place}"
        attributes: dict[str, Any] = {} if axis is None else {"axis": axis}
        self.nodes.append(Node("DequantizeLinear", name, tuple(inputs), (name,), attributes))
        return name

    def bias(self, node: Node, place: int, scales: Sequence[str]) -> str:
        """An int32 input in steps of the product of two scales."""
        name = f"{node.outputs[0]}:{place}"
        tensors = [self.graph.initializers.get(s) for s in scales]
        if any(tensor is None for tensor in tensors):
            raise UnsupportedError("the scales are computed, not constant")
        values = [tensor.numpy().astype(np.float32) for tensor in tensors if tensor is not None]
        scale = np.asarray(np.multiply(*(v.reshape(()) if v.size == 1 else v for v in values)), np.float32)
        self.constants[f"{name}:scale"] = Tensor.of(f"{name}:scale", scale)
        attributes = {"axis": 0} if scale.ndim else {}
        self.nodes.append(Node("DequantizeLinear", name, (node.inputs[place], f"{name}:scale"), (name,), attributes))
        return name

    def operator(self, op: str, node: Node, inputs: Sequence[str], scale: int, skip: Sequence[str] = ()) -> None:
        """The operator itself, and the quantization of its result with the scale at input ``scale``."""
        attributes = {name: held for name, held in node.attributes.items() if name not in skip}
        quantized = len(node.inputs) > scale and bool(node.inputs[scale])
        name = f"{node.outputs[0]}:real" if quantized else node.outputs[0]
        self.nodes.append(Node(op, node.name, tuple(inputs), (name,), attributes))
        if quantized:
            inputs = (name, *node.inputs[scale : scale + 2])
            self.nodes.append(Node("QuantizeLinear", name, inputs, (node.outputs[0],)))


def expand_two(op: str) -> Callable[[Expansion, Node], None]:
    """An operator of two quantized inputs."""
    return lambda made, node: made.operator(op, node, (made.real(node, 0), made.real(node, 3)), 6)


def expand_one(op: str) -> Callable[[Expansion, Node], None]:
    """An operator of one quantized input."""

    def rewrite(made: Expansion, node: Node) -> None:
        if node.attributes.get("channels_last", 0):
            raise UnsupportedError("channels_last is not supported")
        made.operator(op, node, (made.real(node, 0),), 3, ("channels_last", "opset"))

    return rewrite
