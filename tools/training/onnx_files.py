"""Writes ONNX files for the training scripts, node by node, from parameters by name. Needs onnx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

Array = NDArray[np.float32] | NDArray[np.int64] | NDArray[np.bool_]
Parameters = dict[str, NDArray[np.float32]]

LATEST = (20, 9)
"""Operator set and IR version; the first with Gelu."""


class Writer:
    """Collects nodes and constants; every function returns the name of the value that its node makes."""

    def __init__(self, parameters: Parameters) -> None:
        """``parameters``: a network's, by name."""
        self.parameters = parameters
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, Array] = {}

    def add(self, op: str, name: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output."""
        self._nodes.append(helper.make_node(op, list(inputs), [f"{name}.out"], name=name, **attributes))
        return f"{name}.out"

    def constant(self, name: str, value: Array) -> str:
        """A constant; its name."""
        self._constants[name] = value
        return name

    def parameter(self, name: str) -> str:
        """A parameter as a constant; its name."""
        return self.constant(name, self.parameters[name])

    def linear(self, name: str, x: str) -> str:
        """MatMul and Add; the matrix is (inputs, outputs), as PyTorch's exporter writes it for more than two axes."""
        weight = self.constant(f"{name}.weight", np.ascontiguousarray(self.parameters[f"{name}.weight"].T))
        return self.add("Add", f"{name}.add", self.add("MatMul", name, x, weight), self.parameter(f"{name}.bias"))

    def gemm(self, name: str, x: str) -> str:
        """Gemm; the matrix is (outputs, inputs)."""
        return self.add("Gemm", name, x, self.parameter(f"{name}.weight"), self.parameter(f"{name}.bias"), transB=1)

    def conv(self, name: str, x: str, stride: int = 1) -> str:
        """A convolution with odd kernel, padded to keep the image's size (but for the stride)."""
        kernel = list(self.parameters[f"{name}.weight"].shape[2:])
        weight, bias = self.parameter(f"{name}.weight"), self.parameter(f"{name}.bias")
        pads = [size // 2 for size in kernel] * 2
        return self.add("Conv", name, x, weight, bias, kernel_shape=kernel, pads=pads, strides=[stride] * 2)

    def norm(self, name: str, x: str) -> str:
        """Layer normalisation over the last axis."""
        gain, bias = self.parameter(f"{name}.weight"), self.parameter(f"{name}.bias")
        return self.add("LayerNormalization", name, x, gain, bias, axis=-1, epsilon=1e-5)

    def file(
        self,
        name: str,
        inputs: Mapping[str, tuple[type[np.generic], Sequence[int | str]]],
        outputs: Mapping[str, Sequence[int | str]],
    ) -> bytes:
        """The checked ONNX file. The last node's output is renamed to that of the graph.

        Args:
            name: of the graph.
            inputs: name -> type and sizes.
            outputs: name -> sizes; float32.
        """
        (self._nodes[-1].output[0],) = outputs
        types: dict[Any, int] = {np.float32: TensorProto.FLOAT, np.int64: TensorProto.INT64}
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info(key, types[dtype], sizes) for key, (dtype, sizes) in inputs.items()],
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, sizes) for key, sizes in outputs.items()],
            [numpy_helper.from_array(value, key) for key, value in self._constants.items()],
        )
        return file_of(graph, LATEST, "playground.gallery")


def file_of(graph: GraphProto, versions: tuple[int, int], producer: str) -> bytes:
    """The checked ONNX file of a graph; ``versions``: operator set and IR version."""
    opset, ir_version = versions
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version, producer_name=producer
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))
