"""Graphs of one operator between codes, as a quantized model has them: what writers are tested with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.writers.tflite import to_tflite
from playground.ptq.preparation.infer_shapes import inferred

Parameters = tuple[float, int]
"""Scale and zero-point."""


def drawn(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


@dataclass
class Case:
    """An operator: shapes of what it is fed, constants behind that, attributes, and what its results' codes stand for.

    ``first``: constants in front of what it is fed. ``channels_last``: its first input comes from an operator on
    images. ``codes``: how each input is quantized.
    """

    op: str
    shapes: Sequence[tuple[int, ...]]
    constants: Sequence[Any] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    result: Parameters = (4 / 128, 3)
    outputs: int = 1
    codes: Sequence[Parameters] = ((3 / 128, -5), (2.5 / 128, 7), (3.5 / 128, 0))
    channels_last: bool = False
    dtype: str = "int8"
    weights: str = "int8"
    first: Sequence[Any] = ()

    def graph(self) -> Graph:
        """x0, x1 ... -> codes -> operator -> codes -> y0, y1 ..."""
        pairs = _Pairs(self.dtype, self.weights)
        fed = [f"x{index}" for index in range(len(self.shapes))]
        read = [pairs.around(name, self.codes[index]) for index, name in enumerate(fed)]
        if self.channels_last:
            pool = {"kernel_shape": [1] * (len(self.shapes[0]) - 2)}
            pairs.nodes.append(Node("MaxPool", "before", (read[0],), ("pooled",), pool))
            read[0] = pairs.around("pooled", self.codes[0])
        held = [pairs.constant(value) for value in self.constants]
        made = tuple(f"made{index}" for index in range(self.outputs))
        inputs = (*map(pairs.constant, self.first), *read, *held)
        pairs.nodes.append(Node(self.op, "operator", inputs, made, self.attributes))
        ends = [pairs.around(name, self.result, f"y{index}") for index, name in enumerate(made)]
        inputs_of_graph = tuple(ValueInfo(n, "float32", s) for n, s in zip(fed, self.shapes, strict=True))
        outputs = tuple(ValueInfo(name, "float32", None) for name in ends)
        return Graph("one", inputs_of_graph, outputs, tuple(pairs.nodes), pairs.constants, 19)

    def feeds(self, seed: int = 1) -> dict[str, NDArray[np.float32]]:
        return {f"x{index}": drawn(*shape, seed=seed + index) for index, shape in enumerate(self.shapes)}


class _Pairs:
    """Nodes and constants so far."""

    def __init__(self, dtype: str, weights: str) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, Tensor] = {}
        self._dtype, self._weights = dtype, weights

    def constant(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, tuple) and isinstance(value[0], np.ndarray):
            return self.quantized(*value)
        return self._hold(np.asarray(value))

    def _hold(self, values: NDArray[Any], dtype: str = "") -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = Tensor.of(name, values)
        if dtype:
            self.constants[name] = replace(self.constants[name], dtype=dtype)
        return name

    def quantized(self, codes: NDArray[Any], scale: Any, axis: int = 0) -> str:
        """A constant in codes whose zero-points are 0, as floats."""
        scales = np.asarray(scale, np.float32)
        name = self._hold(codes, self._weights)
        inputs = (name, self._hold(scales), self._hold(np.zeros(scales.shape, codes.dtype), self._weights))
        self.nodes.append(Node("DequantizeLinear", f"dq_{name}", inputs, (f"{name}_real",), {"axis": axis}))
        return f"{name}_real"

    def around(self, name: str, parameters: Parameters, result: str = "") -> str:
        """The pair behind a value, and the name of what comes out of it."""
        shift = 128 if self._dtype == "uint8" else 0
        scale, point = np.float32(parameters[0]), np.array(parameters[1] + shift, self._dtype)
        held = (self._hold(np.asarray(scale)), self._hold(point))
        result = result or f"{name}_real"
        self.nodes.append(Node("QuantizeLinear", f"q_{name}", (name, *held), (f"{name}_codes",)))
        self.nodes.append(Node("DequantizeLinear", f"dq_{name}", (f"{name}_codes", *held), (result,)))
        return result


def model_of(graph: Graph) -> Model:
    return Model("onnx", "one.onnx", graph.initializers, graph)


def written(graph: Graph) -> bytes:
    """The graph as a ``.tflite`` file."""
    names = [value.name for value in graph.inputs] + [name for node in graph.nodes for name in node.outputs if name]
    return to_tflite(graph, inferred(graph, names))
