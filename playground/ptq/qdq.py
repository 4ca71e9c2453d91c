"""Writes quantization into a graph as QuantizeLinear / DequantizeLinear pairs, named and laid out as ONNX Runtime does.

``x`` becomes ``x_QuantizeLinear_Output`` and ``x_DequantizeLinear_Output``; a weight ``w`` becomes the constants
``w_quantized``, ``w_scale`` and ``w_zero_point`` behind one DequantizeLinear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import operators
from playground.arrays import Float32
from playground.model.element_types import BY_NAME
from playground.model.graph import Graph, Node, Tensor
from playground.model.naming import FreeNames
from playground.opening.operator_sets import with_operator_set
from playground.operators import Operator, find
from playground.ptq.constants import Int32Bias
from playground.ptq.kept_float import KeptFloat, fine_codes
from playground.ptq.placement import Placement
from playground.ptq.stored_weights import stored_form
from playground.ptq.working_on import working_on
from playground.quantization import QParams, QTensor


@dataclass(frozen=True, slots=True)
class Quantization:
    """Everything that was decided and computed about a graph.

    Attributes:
        placement: where quantization goes.
        activations: parameters of the tensors that have their own.
        activation_format: their codes' type, ``"int8"`` or ``"uint8"``.
        weights: the quantized constants by name.
        biases: (node, bias) -> int32 bias.
        formats: their codes' type for single activations, where it is another one.
        dynamic: whether products quantize their inputs as they come, which ``dynamic.DynamicWriter`` writes.
    """

    placement: Placement
    activations: Mapping[str, QParams]
    activation_format: str
    weights: Mapping[str, QTensor]
    biases: Mapping[tuple[str, str], Int32Bias]
    formats: Mapping[str, str] = field(default_factory=dict)
    dynamic: bool = False


class QdqWriter:
    """Builds the quantized graph from the float one and what was decided about it."""

    def __init__(self, graph: Graph, quantization: Quantization) -> None:
        """Start with nothing written."""
        self._graph, self._given, self._placement = graph, quantization, quantization.placement
        self._made: list[Node] = []
        self._constants: dict[str, Tensor] = {}
        self._read_as: dict[str, str] = {}
        self._parameters: dict[str, tuple[str, ...]] = {}
        self._codes: dict[str, str] = {}
        removed = (node for node in graph.nodes if node.name in self._placement.removed)
        self._takes_name_of = {node.inputs[0]: node.outputs[0] for node in removed}
        self._outputs = {value.name for value in graph.outputs}
        self._names = FreeNames.of(graph)
        self._node_names = FreeNames(node.name for node in graph.nodes)
        self._kept = KeptFloat(graph, self._placement)

    def write(self) -> Graph:
        """The quantized graph, in an operator set that has all of its nodes."""
        for name in self._given.weights:
            self._dequantize_weight(name)
        for value in self._graph.inputs:
            self._quantize(value.name, value.name)
        for node in self._graph.nodes:
            if node.name not in self._placement.removed:
                with working_on(node):
                    self._look_up(node) if self._takes_rows(node) else self._copy(node)
        used = {name for node in self._made for name in node.reads} | self._outputs
        # Where only rows of a table are read, nothing reads all of it
        unread = {self._read_as[name] for name in self._given.weights} - used
        self._made = [node for node in self._made if node.outputs[0] not in unread]
        kept = {name: tensor for name, tensor in self._graph.initializers.items() if name in used}
        return with_operator_set(self._graph.with_(nodes=tuple(self._made), initializers={**kept, **self._constants}))

    def _constant(self, wanted: str, values: NDArray[Any], dtype: str = "") -> str:
        name, element = self._names.take(wanted), BY_NAME[dtype or values.dtype.name]
        self._constants[name] = Tensor(name, element.name, values.shape, element.nbytes(values.size), lambda: values)
        return name

    def _dequantize(self, name: str, inputs: tuple[str, ...], output: str, axis: int | None = None) -> None:
        attributes = {} if axis is None else {"axis": axis}
        self._add(operators.dequantize_linear.OPERATORS[0], f"{name}_DequantizeLinear", inputs, output, attributes)

    def _add(
        self, operator: Operator, name: str, inputs: tuple[str, ...], output: str, attributes: Mapping[str, Any]
    ) -> None:
        self._made.append(Node(operator.name, self._node_names.take(name), inputs, (output,), attributes))

    def _dequantize_weight(self, name: str) -> None:
        held = stored_form(self._given.weights[name])
        inputs = tuple(self._constant(f"{name}_{of.suffix}", of.values, of.dtype) for of in held.constants)
        if held.operator is None:
            self._read_as[name] = inputs[0]
            return
        self._codes[name], self._parameters[name] = inputs[0], inputs[1:]
        self._read_as[name] = self._names.take(f"{name}_{held.operator.name}_Output")
        self._add(held.operator, f"{name}_{held.operator.name}", inputs, self._read_as[name], held.attributes)

    def _quantize(self, name: str, source: str) -> None:
        """Append the pair behind tensor ``name``, if it has one; ``source`` is what its float values are called."""
        if name not in self._placement.activations:
            return
        provider = self._placement.activations[name]
        if provider is None:
            qparams = self._given.activations[name]
            dtype = self._given.formats.get(name, self._given.activation_format)
            scale = self._constant(f"{name}_scale", qparams.scale_values.reshape(()))
            point = self._constant(f"{name}_zero_point", qparams.zero_point.reshape(()).astype(dtype))
            self._parameters[name] = scale, point
        else:
            self._parameters[name] = self._parameters[provider]
        codes = self._names.take(f"{name}_QuantizeLinear_Output")
        inputs = source, *self._parameters[name]
        self._add(operators.quantize_linear.OPERATORS[0], f"{name}_QuantizeLinear", inputs, codes, {})
        self._read_as[name] = name if source != name else self._names.take(f"{name}_DequantizeLinear_Output")
        self._dequantize(name, (codes, *self._parameters[name]), self._read_as[name])

    def _copy(self, node: Node) -> None:
        """Append a node that reads dequantized values, and the pairs behind its outputs."""
        reading = self._reading(node, self._read_as)
        inputs, attributes = list(reading.inputs), dict(reading.attributes)
        bias = self._given.biases.get((node.name, node.inputs[2])) if len(node.inputs) > 2 else None
        if bias is not None:
            inputs[2] = self._dequantize_bias(node.inputs[2], bias)
            if find(node) is operators.gemm.OPERATOR:
                attributes["beta"] = 1.0  # it is in the codes
        elif len(inputs) > 1 and (kept := self._kept.bias(node, inputs[1])) is not None:
            inputs[2:] = [self._unlike_constants(f"{node.name}_bias", kept)]
        names = [self._final_name(name) for name in node.outputs]
        # A graph output keeps its name for the dequantized values, and the float ones get another
        hidden = {
            name: self._names.take(f"{name}_QuantizeLinear_Input")
            for name in names
            if name in self._placement.activations and name in self._outputs
        }
        outputs = tuple(hidden.get(name, name) for name in names)
        self._made.append(replace(node, inputs=tuple(inputs), outputs=outputs, attributes=attributes))
        for name in names:
            self._quantize(name, hidden.get(name, name))

    def _reading(self, node: Node, read_as: Mapping[str, str]) -> Node:
        """The node reading dequantized values, and those in its branches reading dequantized weights.

        Nodes that stay in float read weights as they were.
        """
        excluded = node.name in self._placement.excluded
        inputs = tuple(
            name if excluded and name in self._graph.initializers else read_as.get(name, name) for name in node.inputs
        )
        weights = {name: self._read_as[name] for name in self._given.weights} if node.branches else {}
        attributes = {
            name: held.with_(nodes=tuple(self._reading(inner, weights) for inner in held.nodes))
            if isinstance(held, Graph)
            else held
            for name, held in node.attributes.items()
        }
        return replace(node, inputs=inputs, attributes=attributes)

    def _takes_rows(self, node: Node) -> bool:
        """Whether a node takes rows of codes: the file's, not such as have a type that nothing looks up."""
        codes = self._codes.get(node.inputs[0], "") if node.inputs else ""
        rows = node.name in self._placement.rows and node.name not in self._placement.excluded
        if not rows or not codes or self._given.weights[node.inputs[0]].scheme.granularity == "block":
            return False
        return self._constants[codes].dtype in ("int8", "uint8")

    def _look_up(self, node: Node) -> None:
        """Append a node that takes rows of codes, and what dequantizes them: only these, not the whole table."""
        table, made = node.inputs[0], node.outputs[0]
        weight = self._given.weights[table]
        codes = self._names.take(f"{made}_rows")
        self._made.append(replace(node, inputs=(self._codes[table], *node.inputs[1:]), outputs=(codes,)))
        is_end = made in self._placement.activations and made in self._outputs
        real = self._names.take(f"{made}_QuantizeLinear_Input") if is_end else made
        axis = None if weight.scheme.granularity == "tensor" else -1
        self._dequantize(f"{made}_rows", (codes, *self._parameters[table]), real, axis)
        self._quantize(made, real)

    def _final_name(self, name: str) -> str:
        """The name of an output when the Relu or Clip behind it has vanished: theirs."""
        while name in self._takes_name_of:
            name = self._takes_name_of[name]
        return name

    def _dequantize_bias(self, name: str, bias: Int32Bias) -> str:
        inputs = (
            self._constant(f"{name}_quantized", bias.codes),
            self._constant(f"{name}_quantized_scale", bias.scale),
            self._constant(f"{name}_quantized_zero_point", np.zeros(bias.scale.shape, np.int32)),
        )
        output = self._names.take(f"{name}_DequantizeLinear_Output")
        self._dequantize(name, inputs, output, 0 if bias.scale.ndim else None)
        return output

    def _unlike_constants(self, name: str, bias: Float32) -> str:
        """The name of a bias that is not a constant of one axis for ONNX Runtime: a row, or a dequantized one."""
        return self._constant(name, bias) if bias.ndim > 1 else self._dequantize_bias(name, fine_codes(bias))
