"""Graphs of quantized operators (QLinearConv, QLinearMatMul, ONNX Runtime's own) as the QDQ graphs they mean.

``QLinearX(a, a_scale, a_zero, ...)`` is ``QuantizeLinear(X(DequantizeLinear(a, a_scale, a_zero), ...))``: written out
like that, planning has to know one form only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from playground.engines.interpreter import FAILURES
from playground.errors import UnsupportedError
from playground.model.graph import Graph, Node, Tensor

MICROSOFT = "com.microsoft"


@dataclass(slots=True)
class _Rewriting:
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
            raise UnsupportedError("its scales are computed, not constant")
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


def _matmul(made: _Rewriting, node: Node) -> None:
    made.operator("MatMul", node, (made.real(node, 0, -2), made.real(node, 3, -1)), 6)


def _conv(made: _Rewriting, node: Node) -> None:
    inputs = [made.real(node, 0), made.real(node, 3, 0)]
    if len(node.inputs) > 8 and node.inputs[8]:
        inputs.append(made.bias(node, 8, (node.inputs[1], node.inputs[4])))
    made.operator("Conv", node, inputs, 6)


def _gemm(made: _Rewriting, node: Node) -> None:
    inputs = [made.real(node, 0), made.real(node, 3, 0 if node.attributes.get("transB", 0) else 1)]
    if len(node.inputs) > 6 and node.inputs[6]:
        inputs.append(made.bias(node, 6, (node.inputs[1], node.inputs[4])))
    made.operator("Gemm", node, inputs, 7)


def _two(op: str) -> Callable[[_Rewriting, Node], None]:
    return lambda made, node: made.operator(op, node, (made.real(node, 0), made.real(node, 3)), 6)


def _one(op: str) -> Callable[[_Rewriting, Node], None]:
    def rewrite(made: _Rewriting, node: Node) -> None:
        if node.attributes.get("channels_last", 0):
            raise UnsupportedError("channels_last is not handled")
        made.operator(op, node, (made.real(node, 0),), 3, ("channels_last", "opset"))

    return rewrite


def _concat(made: _Rewriting, node: Node) -> None:
    parts = [made.real(node, place) for place in range(2, len(node.inputs), 3)]
    made.operator("Concat", node, parts, 0)


REWRITES: dict[tuple[str, str], Callable[[_Rewriting, Node], None]] = {
    ("", "QLinearMatMul"): _matmul,
    ("", "QLinearConv"): _conv,
    (MICROSOFT, "QGemm"): _gemm,
    (MICROSOFT, "QLinearAdd"): _two("Add"),
    (MICROSOFT, "QLinearMul"): _two("Mul"),
    (MICROSOFT, "QLinearConcat"): _concat,
    **{
        (MICROSOFT, f"QLinear{op}"): _one(op)
        for op in ("Sigmoid", "LeakyRelu", "Softmax", "AveragePool", "GlobalAveragePool", "ReduceMean")
    },
}
"""(Domain, operator) -> how it is written out."""


def as_qdq(graph: Graph) -> Graph:
    """The graph with every quantized operator written out; the graph itself if it has none.

    A node that cannot be written out stays as it is, and planning names it.
    """
    if not any((node.domain, node.op) in REWRITES for node in graph.nodes):
        return graph
    made = _Rewriting(graph)
    for node in graph.nodes:
        rewrite = REWRITES.get((node.domain, node.op))
        before = len(made.nodes)
        try:
            if rewrite is None:
                made.nodes.append(node)
            else:
                rewrite(made, node)
        except (UnsupportedError, *FAILURES):
            del made.nodes[before:]
            made.nodes.append(replace(node))
    return graph.with_(nodes=tuple(made.nodes), initializers={**graph.initializers, **made.constants})
