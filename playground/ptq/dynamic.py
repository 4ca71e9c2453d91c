"""Writes a graph whose products quantize their inputs while they run, named and laid out as ONNX Runtime's
``quantize_dynamic`` does: DynamicQuantizeLinear, MatMulInteger or ConvInteger, Cast, and the scales multiplied back.

A Gemm becomes MatMul and Add first; a transposed weight ``w`` is stored as ``w_Transposed``. Rows of a table (Gather)
are stored as codes; products read these, and whatever else reads the rows reads them dequantized.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph, Node, Tensor
from playground.model.naming import FreeNames
from playground.opening.operator_sets import with_operator_set
from playground.operators import (
    add,
    cast,
    conv,
    conv_integer,
    dequantize_linear,
    dynamic_quantize_linear,
    find,
    gather,
    gemm,
    mat_mul,
    mat_mul_integer,
    mul,
    reshape,
)
from playground.ptq.constants import flat_parameters
from playground.ptq.qdq import Quantization
from playground.ptq.working_on import working_on
from playground.quantization import QTensor

DEQUANTIZE = dequantize_linear.OPERATORS[0].name

_FLOAT = 1
"""ONNX's number of float32, for Cast."""


class DynamicWriter:
    """Builds the graph with integer products from the float one and its quantized weights."""

    def __init__(self, graph: Graph, quantization: Quantization) -> None:
        """Start with nothing written."""
        self._graph, self._weights = graph, quantization.weights
        self._excluded = quantization.placement.excluded
        self._made: list[Node] = []
        self._constants: dict[str, Tensor] = {}
        self._inputs: dict[str, tuple[str, str, str]] = {}
        self._stored: dict[tuple[str, bool], tuple[str, str, str]] = {}
        self._names = FreeNames.of(graph)

    def write(self, wanted: Collection[str] = ()) -> Graph:
        """The graph. Rows of a table that only products read are not dequantized, unless they are ``wanted``."""
        for node in self._graph.nodes:
            with working_on(node):
                self._write_node(node)
        used = {name for node in self._made for name in node.reads}
        used |= {value.name for value in self._graph.outputs} | set(wanted)
        self._made = [node for node in self._made if node.op != DEQUANTIZE or node.outputs[0] in used]
        kept = {name: tensor for name, tensor in self._graph.initializers.items() if name in used}
        return with_operator_set(self._graph.with_(nodes=tuple(self._made), initializers={**kept, **self._constants}))

    def _write_node(self, node: Node) -> None:
        operator = find(node)
        at = 0 if operator is gather.OPERATOR else 1
        weight = node.inputs[at] if len(node.inputs) > at else ""
        if node.name in self._excluded or weight not in self._weights:
            self._made.append(node)
        elif operator is gather.OPERATOR:
            self._gather(node, weight)
        elif operator is conv.OPERATOR:
            self._conv(node, weight)
        elif operator is gemm.OPERATOR:
            self._gemm(node, weight)
        elif operator is mat_mul.OPERATOR:
            self._product(
                node.name, mat_mul_integer.OPERATOR.name, node.inputs[0], self._store(weight, False), node.outputs[0]
            )
        else:
            self._made.append(node)

    def _constant(self, wanted: str, values: NDArray[Any]) -> str:
        name = self._names.take(wanted)
        self._constants[name] = Tensor.of(name, values)
        return name

    def _add(self, op: str, name: str, inputs: tuple[str, ...], *outputs: str, **attributes: Any) -> None:
        self._made.append(Node(op, name, inputs, outputs, attributes))

    def _store(self, name: str, transposed: bool) -> tuple[str, str, str]:
        """The names of a weight's codes, scale and zero-point, stored on first use."""
        if (name, transposed) not in self._stored:
            weight: QTensor = self._weights[name]
            scale, zero_point = flat_parameters(weight)
            stem = self._names.take(f"{name}_Transposed") if transposed else name
            codes = np.ascontiguousarray(weight.codes.T) if transposed else weight.codes
            self._stored[name, transposed] = (
                self._constant(f"{stem}_quantized", codes),
                self._constant(f"{stem}_scale", scale),
                self._constant(f"{stem}_zero_point", zero_point),
            )
        return self._stored[name, transposed]

    def _quantized_input(self, name: str) -> tuple[str, str, str]:
        """The names of an activation's codes, scale and zero-point, computed on first use."""
        if name not in self._inputs:
            made = (
                self._names.take(f"{name}_quantized"),
                self._names.take(f"{name}_scale"),
                self._names.take(f"{name}_zero_point"),
            )
            self._add(dynamic_quantize_linear.OPERATOR.name, f"{name}_QuantizeLinear", (name,), *made)
            self._inputs[name] = made
        return self._inputs[name]

    def _product(
        self, name: str, op: str, source: str, weight: tuple[str, str, str], output: str, **attributes: Any
    ) -> None:
        """``output`` = the integer product, cast to float and multiplied with both scales."""
        codes, scale, point = self._quantized_input(source)
        stem = f"{name}_quant"
        scales, sums = self._names.take(f"{stem}_scales_mul:0"), self._names.take(f"{output}_output_quantized")
        floats = self._names.take(f"{sums}_cast_output")
        self._add(mul.OPERATOR.name, f"{stem}_scales_mul", (scale, weight[1]), scales)
        self._add(op, stem, (codes, weight[0], point, weight[2]), sums, **attributes)
        self._add(cast.OPERATOR.name, f"{sums}_cast", (sums,), floats, to=_FLOAT)
        self._add(mul.OPERATOR.name, f"{stem}_output_scale_mul", (floats, scales), output)

    def _gemm(self, node: Node, weight: str) -> None:
        stored = self._store(weight, bool(node.attributes.get("transB", 0)))
        output, biased = node.outputs[0], len(node.inputs) > 2 and bool(node.inputs[2])
        product = self._names.take(f"{output}_MatMul") if biased else output
        self._product(f"{node.name}_MatMul", mat_mul_integer.OPERATOR.name, node.inputs[0], stored, product)
        if biased:
            self._add(add.OPERATOR.name, f"{node.name}_Add", (product, node.inputs[2]), output)

    def _conv(self, node: Node, weight: str) -> None:
        output, biased = node.outputs[0], len(node.inputs) > 2 and bool(node.inputs[2])
        product = self._names.take(f"{output}quant_scaled_output") if biased else output
        stored = self._store(weight, False)
        self._product(node.name, conv_integer.OPERATOR.name, node.inputs[0], stored, product, **node.attributes)
        if biased:
            shape = np.ones(len(self._graph.initializers[weight].shape), np.int64)
            shape[1] = -1
            wanted = self._constant(f"{output}_bias_reshape_shape", shape)
            row = self._names.take(f"{output}_bias_reshape_output")
            self._add(reshape.OPERATOR.name, f"{output}_bias_reshape", (node.inputs[2], wanted), row)
            self._add(add.OPERATOR.name, f"{output}_bias_add", (product, row), output)

    def _gather(self, node: Node, weight: str) -> None:
        codes, scale, point = self._store(weight, False)
        output = node.outputs[0]
        rows = self._names.take(f"{output}_quantized")
        self._add(gather.OPERATOR.name, f"{node.name}_quant", (codes, node.inputs[1]), rows, **node.attributes)
        self._inputs[output] = (rows, scale, point)  # products read the codes themselves
        self._add(DEQUANTIZE, f"{output}_DequantizeLinear", (rows, scale, point), output)
