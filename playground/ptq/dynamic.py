"""Writes a graph whose products quantize their inputs while they run, named and laid out as ONNX Runtime's
``quantize_dynamic`` does: DynamicQuantizeLinear, MatMulInteger or ConvInteger, Cast, and the scales multiplied back.

A Gemm becomes MatMul and Add first; a transposed weight ``w`` is stored as ``w_Transposed``. Rows of a table (Gather)
are stored as codes; products read these, and whatever else reads the rows reads them dequantized.

ConvInteger takes one zero-point for all filters. Symmetric weights have none, so their scales may differ by channel all
the same: they multiply the sums. This is more than ``quantize_dynamic`` does, whose filters share a scale.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph, Node, Tensor
from playground.model.naming import FreeNames
from playground.opening.operator_sets import with_operator_set
from playground.operators import (
    Scales,
    add,
    cast,
    conv,
    conv_integer,
    dequantize_linear,
    dynamic_quantize_linear,
    dynamic_quantize_lstm,
    find,
    gather,
    gemm,
    lstm,
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
        self._excluded, self._alone = quantization.placement.excluded, quantization.placement.alone
        self._made: list[Node] = []
        self._constants: dict[str, Tensor] = {}
        self._inputs: dict[str, tuple[str, str, str]] = {}
        self._stored: dict[tuple[str, str], tuple[str, str, str]] = {}
        self._floats: dict[str, str] = {}
        self._front: list[Node] = []
        self._quantizes_lstm = False
        self._names = FreeNames.of(graph)
        self._node_names = FreeNames(node.name for node in graph.nodes)

    def write(self, wanted: Collection[str] = ()) -> Graph:
        """The graph. Rows of a table that only products read are not dequantized, unless they are ``wanted``."""
        for node in self._graph.nodes:
            with working_on(node):
                self._write_node(node)
        self._made = [*self._front, *self._made]
        used = {name for node in self._made for name in node.reads}
        used |= {value.name for value in self._graph.outputs} | set(wanted)
        self._made = [node for node in self._made if node.op != DEQUANTIZE or node.outputs[0] in used]
        kept = {name: tensor for name, tensor in self._graph.initializers.items() if name in used}
        others = dict(self._graph.other_opsets)
        if self._quantizes_lstm:
            others.setdefault(dynamic_quantize_lstm.OPERATOR.domain, 1)
        constants = {**kept, **self._constants}
        made = self._graph.with_(nodes=tuple(self._made), initializers=constants, other_opsets=others)
        return with_operator_set(made)

    def _write_node(self, node: Node) -> None:
        node = self._with_branches(node)
        operator = find(node)
        if operator is not None and operator.scales is Scales.RECURRENT:
            self._made.append(self._recurrent(node))
            return
        at = 0 if operator is gather.OPERATOR else 1
        weight = node.inputs[at] if len(node.inputs) > at else ""
        if node.name in self._excluded or weight not in self._weights:
            self._made.append(node)
        elif node.name in self._alone:
            self._made.append(self._reading_weights(node))
        elif operator is gather.OPERATOR:
            self._gather(node, weight)
        elif operator is conv.OPERATOR:
            self._conv(node, weight)
        elif operator is gemm.OPERATOR:
            self._gemm(node, weight)
        elif operator is mat_mul.OPERATOR:
            self._product(
                node.name, mat_mul_integer.OPERATOR.name, node.inputs[0], self._store(weight), node.outputs[0]
            )
        else:
            self._made.append(node)

    def _inside(self, node: Node) -> Node:
        """A node of a branch: only its weights are quantized, and those of an LSTM as outside."""
        operator = find(node)
        if operator is not None and operator.scales is Scales.RECURRENT:
            return self._recurrent(node)
        return self._reading_weights(self._with_branches(node))

    def _with_branches(self, node: Node) -> Node:
        held = {name: value for name, value in node.attributes.items() if isinstance(value, Graph)}
        if not held:
            return node
        made = {name: value.with_(nodes=tuple(map(self._inside, value.nodes))) for name, value in held.items()}
        return replace(node, attributes={**node.attributes, **made})

    def _reading_weights(self, node: Node) -> Node:
        """The node with its quantized weights dequantized."""
        if node.name in self._excluded:
            return node
        inputs = tuple(self._dequantized(name) if name in self._weights else name for name in node.inputs)
        return replace(node, inputs=inputs)

    def _recurrent(self, node: Node) -> Node:
        """An LSTM becomes ONNX Runtime's quantized one; the weights of other recurrent nodes are dequantized."""
        named = [self._weights.get(name) for name in node.inputs[1:3] if node.name not in self._excluded]
        fits = len(named) == 2 and all(weight and weight.scheme.axis in (None, 0, 1) for weight in named)
        if find(node) is not lstm.OPERATOR or not fits or lstm.OPERATOR.get(node, "layout"):
            return self._reading_weights(node)
        self._quantizes_lstm = True
        w, r = (self._store_turned(name) for name in node.inputs[1:3])
        others = (*node.inputs[3:], *[""] * 5)[:5]
        inputs = (node.inputs[0], w[0], r[0], *others, *w[1:], *r[1:])
        attributes = {name: value for name, value in node.attributes.items() if name != "layout"}
        op, domain = dynamic_quantize_lstm.OPERATOR.name, dynamic_quantize_lstm.OPERATOR.domain
        return Node(op, f"{node.name}_quant", inputs, node.outputs, attributes, domain)

    def _store_turned(self, name: str) -> tuple[str, str, str]:
        """The names of a recurrent weight's codes (direction, features, gates), scales and zero-points."""
        if (name, "turned") not in self._stored:
            weight = self._weights[name]
            by_gate = weight.scheme.axis == 1
            shape = weight.codes.shape[: 2 if by_gate else 1]
            parameters = [np.broadcast_to(x, shape) for x in flat_parameters(weight)]
            arrays = [weight.codes.transpose(0, 2, 1), *parameters]
            codes, scales, points = (
                self._constant(f"{name}_{part}", np.ascontiguousarray(array))
                for part, array in zip(("quantized", "scale", "zero_point"), arrays, strict=True)
            )
            self._stored[name, "turned"] = codes, scales, points
        return self._stored[name, "turned"]

    def _dequantized(self, name: str) -> str:
        """The name of a weight in float, dequantized once for the whole graph."""
        if name not in self._floats:
            axis = self._weights[name].scheme.axis
            made = self._names.take(f"{name}_DequantizeLinear_Output")
            attributes = {} if axis is None else {"axis": axis}
            stored = self._store(name, "")
            self._front.append(
                Node(DEQUANTIZE, self._node_names.take(f"{name}_DequantizeLinear"), stored, (made,), attributes)
            )
            self._floats[name] = made
        return self._floats[name]

    def _constant(self, wanted: str, values: NDArray[Any]) -> str:
        name = self._names.take(wanted)
        self._constants[name] = Tensor.of(name, values)
        return name

    def _add(self, op: str, name: str, inputs: tuple[str, ...], *outputs: str, **attributes: Any) -> None:
        self._made.append(Node(op, self._node_names.take(name), inputs, outputs, attributes))

    def _store(self, name: str, form: str = "") -> tuple[str, str, str]:
        """The names of a weight's codes, scale and zero-point, stored on first use.

        Args:
            name: the weight's name.
            form: ``"transposed"``, ``"filters"`` (scales shaped as channels of images, one zero-point), or empty.
        """
        if (name, form) not in self._stored:
            weight: QTensor = self._weights[name]
            scale, zero_point = flat_parameters(weight)
            codes, stem = weight.codes, name
            if form == "transposed":
                codes, stem = np.ascontiguousarray(codes.T), self._names.take(f"{name}_Transposed")
            elif form == "filters" and scale.ndim:
                scale = scale.reshape(1, -1, *(1,) * (codes.ndim - 2))
                zero_point = zero_point[:1].reshape(())
            self._stored[name, form] = (
                self._constant(f"{stem}_quantized", codes),
                self._constant(f"{stem}_scale", scale),
                self._constant(f"{stem}_zero_point", zero_point),
            )
        return self._stored[name, form]

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
        stored = self._store(weight, "transposed" if node.attributes.get("transB", 0) else "")
        output, biased = node.outputs[0], len(node.inputs) > 2 and bool(node.inputs[2])
        product = self._names.take(f"{output}_MatMul") if biased else output
        self._product(f"{node.name}_MatMul", mat_mul_integer.OPERATOR.name, node.inputs[0], stored, product)
        if biased:
            self._add(add.OPERATOR.name, f"{node.name}_Add", (product, node.inputs[2]), output)

    def _conv(self, node: Node, weight: str) -> None:
        output, biased = node.outputs[0], len(node.inputs) > 2 and bool(node.inputs[2])
        product = self._names.take(f"{output}quant_scaled_output") if biased else output
        stored = self._store(weight, "filters")
        self._product(node.name, conv_integer.OPERATOR.name, node.inputs[0], stored, product, **node.attributes)
        if biased:
            shape = np.ones(len(self._graph.initializers[weight].shape), np.int64)
            shape[1] = -1
            wanted = self._constant(f"{output}_bias_reshape_shape", shape)
            row = self._names.take(f"{output}_bias_reshape_output")
            self._add(reshape.OPERATOR.name, f"{output}_bias_reshape", (node.inputs[2], wanted), row)
            self._add(add.OPERATOR.name, f"{output}_bias_add", (product, row), output)

    def _gather(self, node: Node, weight: str) -> None:
        codes, scale, point = self._store(weight)
        output = node.outputs[0]
        rows = self._names.take(f"{output}_quantized")
        self._add(gather.OPERATOR.name, f"{node.name}_quant", (codes, node.inputs[1]), rows, **node.attributes)
        self._inputs[output] = (rows, scale, point)  # products read the codes themselves
        self._add(DEQUANTIZE, f"{output}_DequantizeLinear", (rows, scale, point), output)
