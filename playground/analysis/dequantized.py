"""The tensors of a model as real numbers: weights in codes as what these stand for, in every form of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from playground import operators
from playground.engines.planning.expansions import expanded
from playground.engines.run import run
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.operators import find, mat_mul_n_bits

CODES = ("_quantized", "_Q4", "_Q8")
"""How quantizers name the codes of a weight: with one of these behind its name."""

_PACKED = "(packed)"
"""The part of a tensor that holds codes as MatMulNBits has them: columns of the matrix first."""


def both_real_tensors(
    a: Model, b: Model, rename: Callable[[str], str] = str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of two models. A matrix of MatMulNBits has the orientation that its counterpart has.

    Args:
        a: one model.
        b: the other.
        rename: the name in ``b`` of a tensor in ``a``.
    """
    first, second = real_tensors(a), real_tensors(b)
    for name, tensor in list(first.items()):
        other = second.get(rename(name))
        if other is None or other.shape == tensor.shape or other.shape != tensor.shape[::-1]:
            continue
        if _PACKED in other.parts:
            second[other.name] = _turned(other)
        elif _PACKED in tensor.parts:
            first[name] = _turned(tensor)
    return first, second


def _turned(tensor: Tensor) -> Tensor:
    return replace(tensor, shape=tensor.shape[::-1], read=lambda: tensor.numpy().T)


def real_tensors(model: Model) -> dict[str, Tensor]:
    """The tensors of real numbers by name; weights that a graph dequantizes are there as what their codes stand for."""
    found = {name: tensor for name, tensor in model.tensors.items() if tensor.real}
    if model.graph is not None:
        made = _dequantized(model.graph)
        scales = {name for tensor in made for name in tensor.parts if name != "codes"}
        found = {name: tensor for name, tensor in found.items() if name not in scales}
        found |= {tensor.name: tensor for tensor in made}
    return found


def _dequantized(graph: Graph) -> list[Tensor]:
    made, plain = [], expanded(graph)
    for node in plain.nodes:
        held = plain.initializers
        if find(node) in operators.dequantize_linear.OPERATORS:
            if node.inputs[0] in graph.initializers and all(name in held for name in node.inputs if name):
                made.append(_of_node(node, plain, graph))
        elif find(node) is mat_mul_n_bits.OPERATOR and all(name in held for name in node.inputs[1:4] if name):
            made.append(_of_product(node, graph))
    return made


def _of_node(node: Node, plain: Graph, graph: Graph) -> Tensor:
    """What a DequantizeLinear makes of constants; ``plain`` is the graph with quantized operators written out."""
    held = {name: plain.initializers[name] for name in node.inputs if name}
    codes = held[node.inputs[0]]
    output = node.outputs[0]
    alone = plain.with_(
        inputs=(), outputs=(ValueInfo(output, "float32", None),), nodes=(node,), initializers=held, name=codes.name
    )

    def read() -> NDArray[Any]:
        """What the node makes of its constants."""
        return run(alone, {}, engine="reference")[output]

    stored = {name: tensor for name, tensor in held.items() if name in graph.initializers}
    return _tensor(codes, codes.dtype, codes.shape, stored, read)


def _of_product(node: Node, graph: Graph) -> Tensor:
    """The matrix of a MatMulNBits, (inputs, outputs)."""
    stored = {name: graph.initializers[name] for name in node.inputs[1:4] if name}
    codes = stored[node.inputs[1]]
    depth, columns, bits = (mat_mul_n_bits.OPERATOR.get(node, name) for name in ("K", "N", "bits"))

    def read() -> NDArray[Any]:
        """What the codes stand for."""
        octets, scales, *points = (tensor.numpy() for tensor in stored.values())
        return mat_mul_n_bits.matrix(node, octets, scales, points[0] if points else None)

    made = _tensor(codes, f"uint{bits}", (depth, columns), stored, read)
    return replace(made, parts={**made.parts, _PACKED: codes})


def _tensor(
    codes: Tensor, dtype: str, shape: tuple[int, ...], stored: Mapping[str, Tensor], read: Callable[[], NDArray[Any]]
) -> Tensor:
    name = next((codes.name.removesuffix(end) for end in CODES if codes.name.endswith(end)), codes.name)
    parts = {("codes" if held is codes else key): held for key, held in stored.items()}
    nbytes = sum(tensor.nbytes for tensor in stored.values())
    return Tensor(name, dtype, shape, nbytes, read, quantized=True, parts=parts)
