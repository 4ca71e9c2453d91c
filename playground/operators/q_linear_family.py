"""Quantized operators of ONNX Runtime's own: what they mean."""

from __future__ import annotations

from collections.abc import Callable

from playground.model.graph import Node
from playground.operators import gemm
from playground.operators._operator import Operator, Scales, Shapes, Trait, no_cost
from playground.operators._qdq import Expansion, expand_one, expand_two


def _gemm(made: Expansion, node: Node) -> None:
    inputs = [made.real(node, 0), made.real(node, 3, 0 if node.attributes.get("transB", 0) else 1)]
    if len(node.inputs) > 6 and node.inputs[6]:
        inputs.append(made.bias(node, 6, (node.inputs[1], node.inputs[4])))
    made.operator("Gemm", node, inputs, 7)


def _concat(made: Expansion, node: Node) -> None:
    parts = [made.real(node, place) for place in range(2, len(node.inputs), 3)]
    made.operator("Concat", node, parts, 0)


def _operator(
    name: str,
    expand: Callable[[Expansion, Node], None] | None,
    cost: Callable[[Node, Shapes], int] = no_cost,
) -> Operator:
    return Operator(
        name=name, domain="com.microsoft", scales=Scales.CODES, traits=Trait.QUANTIZED, expand=expand, cost=cost
    )


_ONE_INPUT = ("Sigmoid", "LeakyRelu", "Softmax", "AveragePool", "GlobalAveragePool", "ReduceMean")

OPERATORS = (
    _operator("QGemm", _gemm, gemm.cost),
    _operator("QLinearAdd", expand_two("Add")),
    _operator("QLinearMul", expand_two("Mul")),
    _operator("QLinearConcat", _concat),
    _operator("QLinearWhere", None),
    *(_operator(f"QLinear{name}", expand_one(name)) for name in _ONE_INPUT),
)
