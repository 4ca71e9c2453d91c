"""Weights alone in operator form: ONNX Runtime's MatMulNBits in the place of DequantizeLinear and a product.

It takes weights of 4 or 8 bits with a scale for each block along what is summed. A scale for each output channel is
one block, where their length is one that blocks may have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph, Node, Tensor
from playground.model.naming import FreeNames
from playground.model.recipe.representations import is_block_size
from playground.model.writers._onnx_code_operators import MICROSOFT
from playground.model.writers._onnx_codes import Codes, Surroundings
from playground.model.writers._onnx_operator_form import OperatorForm, with_nodes

_SHARED = "another node reads its weight in another form"
_BITS = {"int4": 4, "uint4": 4, "int8": 8, "uint8": 8}


@dataclass(frozen=True, slots=True)
class _Packed:
    """The constants of a weight, by name, and what MatMulNBits says of them."""

    constants: tuple[str, ...]
    attributes: Mapping[str, int]


def with_block_products(graph: Graph) -> OperatorForm:
    """The graph with a MatMulNBits for each product with a constant in blocks, those in branches included."""
    packing = _Packing(FreeNames.of(graph), FreeNames(node.name for node in graph.walk()))
    made = packing.graph(graph, {})
    return OperatorForm(made if packing.joined else graph, packing.joined, packing.left, packing.stored)


@dataclass(slots=True)
class _Packing:
    """What is known while graphs are walked; see :class:`OperatorForm`."""

    names: FreeNames
    node_names: FreeNames
    joined: int = 0
    left: dict[str, tuple[str, str]] = field(default_factory=dict)
    stored: dict[str, int] = field(default_factory=dict)

    def graph(self, graph: Graph, outside: Mapping[str, Tensor]) -> Graph:
        """One graph, inside others that have these constants."""
        inner = {**outside, **graph.initializers}
        graph = graph.with_(nodes=tuple(self._with_branches(node, inner) for node in graph.nodes))
        around = Surroundings(graph, outside, self.names)
        packed = {node.outputs[0]: found for node in graph.nodes if (found := self._packed(node, around)) is not None}
        nodes = []
        for node in graph.nodes:
            weight = packed.get(node.inputs[1]) if len(node.inputs) > 1 else None
            nodes.append(node if weight is None else self._product(node, weight))
        return with_nodes(graph, tuple(nodes), around.made)

    def _with_branches(self, node: Node, outside: Mapping[str, Tensor]) -> Node:
        if not node.branches:
            return node
        held = {
            name: self.graph(value, outside) if isinstance(value, Graph) else value
            for name, value in node.attributes.items()
        }
        return replace(node, attributes=held)

    def _product(self, node: Node, weight: _Packed) -> Node:
        self.joined += 1
        inputs = node.inputs[0], *weight.constants
        bias = node.inputs[2] if len(node.inputs) > 2 else ""
        if bias:
            inputs = (*(*inputs, "", "", "")[:5], bias)
        name = self.node_names.take(f"{node.name}_Q{weight.attributes['bits']}")
        return Node("MatMulNBits", name, inputs, node.outputs, dict(weight.attributes), MICROSOFT)

    def _packed(self, node: Node, around: Surroundings) -> _Packed | None:
        """The constants of a weight that a node dequantizes, if all that reads it is a product that can have them."""
        name = node.outputs[0] if node.outputs else ""
        codes = around.source(name)
        if codes is None or codes.name not in around.constants or around.producer(name) is not node:
            return None
        readers = around.uses(name)
        reasons = [_why_not(reader, name, codes, around) for reader in readers]
        if not any(reasons):
            return self._pack(codes, around, _is_turned(readers[0]))
        for reader, reason in zip(readers, reasons, strict=True):
            if reader is not None:
                self.left[reader.name] = reader.op, reason or _SHARED
        return None

    def _pack(self, codes: Codes, around: Surroundings, turned: bool) -> _Packed:
        held, bits = around.constants[codes.name], _BITS[codes.dtype]
        octets, scales, points = packed_blocks(held.numpy(), codes, bits, turned)
        stem = codes.name.removesuffix("_quantized")
        constants = [around.constant(f"{stem}_Q{bits}", octets), around.constant(f"{stem}_scales", scales)]
        if points is not None:
            constants.append(around.constant(f"{stem}_zero_points", points))
        columns, depth = held.shape if turned else held.shape[::-1]
        self.stored[codes.name] = sum(around.made[name].nbytes for name in constants)
        attributes = {"K": depth, "N": columns, "bits": bits, "block_size": codes.block or depth}
        return _Packed(tuple(constants), attributes)


def _is_turned(reader: Node | None) -> bool:
    """Whether a product reads its weight with the outputs along the first axis."""
    return reader is not None and reader.op == "Gemm" and bool(reader.attributes.get("transB", 0))


def _why_not(reader: Node | None, name: str, codes: Codes, around: Surroundings) -> str:
    """Why a reader of a weight cannot be a MatMulNBits; empty if it can."""
    held = around.constants[codes.name]
    if reader is None or reader.op not in ("MatMul", "Gemm") or reader.domain or list(reader.inputs).count(name) > 1:
        return "MatMulNBits is a product of values with a matrix"
    if len(reader.inputs) < 2 or reader.inputs[1] != name or len(held.shape) != 2:
        return "MatMulNBits is a product of values with a matrix"
    if codes.dtype not in _BITS:
        return f"MatMulNBits has no weights of type {codes.dtype}"
    turned = _is_turned(reader)
    if any(_is_turned(other) != turned for other in around.uses(name)):
        return _SHARED
    reason = _about_blocks(codes, held.shape, turned)
    return reason or (_about_gemm(reader, held.shape[0 if turned else 1], around) if reader.op == "Gemm" else "")


def _about_blocks(codes: Codes, shape: tuple[int, ...], turned: bool) -> str:
    summed = 1 if turned else 0
    depth, columns = shape[summed], shape[1 - summed]
    if codes.block:
        along = codes.axis % 2 == summed and is_block_size(codes.block)
        return "" if along else f"MatMulNBits has no blocks of {codes.block} along axis {codes.axis}"
    if codes.scales.size != columns or codes.scales.ndim != 1 or codes.axis % 2 == summed:
        return "MatMulNBits has scales of output channels, or of blocks of them"
    return "" if is_block_size(depth) else f"channels of {depth} values are not a block of MatMulNBits"


def _about_gemm(node: Node, columns: int, around: Surroundings) -> str:
    get = node.attributes.get
    if get("alpha", 1.0) != 1 or get("transA", 0):
        return "MatMulNBits has no factor and turns no values"
    if len(node.inputs) < 3 or not node.inputs[2]:
        return ""
    bias = around.constants.get(node.inputs[2])
    fits = bias is not None and bias.shape == (columns,) and bias.dtype == "float32" and get("beta", 1.0) == 1
    return "" if fits else "MatMulNBits adds a constant with a value for each output"


def packed_blocks(
    values: NDArray[Any], codes: Codes, bits: int, turned: bool
) -> tuple[NDArray[np.uint8], NDArray[Any], NDArray[np.uint8] | None]:
    """Codes, scales and zero-points as MatMulNBits reads them.

    Args:
        values: the codes, (depth, columns), or (columns, depth) where they are ``turned``.
        codes: their scales and zero-points.
        bits: 4 or 8.
        turned: whether outputs lie along the first axis.

    Returns:
        Octets (columns, blocks, octets a block), scales (columns, blocks), and zero-points (columns, octets); None
        where all are in the middle, which is what MatMulNBits takes then.
    """
    middle = 1 << bits - 1
    offset = middle if codes.dtype.startswith("int") else 0
    rows = _columns_first(values, turned).astype(np.int16) + offset
    columns, depth = rows.shape
    block = codes.block or depth
    blocks = math.ceil(depth / block)
    filled = np.pad(rows, [(0, 0), (0, blocks * block - depth)], constant_values=middle)
    octets = packed(filled.reshape(columns, blocks, block), bits)
    scales = _columns_first(codes.scales, turned) if codes.block else codes.scales.reshape(-1, 1)
    points = (_columns_first(codes.points, turned) if codes.block else codes.points.reshape(-1, 1)).astype(np.int16)
    points = np.broadcast_to(points + offset, scales.shape)
    return octets, np.ascontiguousarray(scales), None if (points == middle).all() else packed(points, bits)


def _columns_first(values: NDArray[Any], turned: bool) -> NDArray[Any]:
    return values if turned else values.T


def packed(codes: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Codes of 4 or 8 bits as octets along the last axis, the first of two in the lower bits."""
    octets = codes.astype(np.uint8)
    if bits == 8:
        return np.ascontiguousarray(octets)
    # what fills the last octet has no meaning; ONNX Runtime's tool puts the middle there
    places = [(0, 0)] * (octets.ndim - 1) + [(0, octets.shape[-1] % 2)]
    even = np.pad(octets, places, constant_values=1 << bits - 1)
    return np.ascontiguousarray(even[..., ::2] | even[..., 1::2] << 4)
