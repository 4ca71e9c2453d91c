"""Small models of the kinds that tests/ptq/test_cases_*.py are about, and what native ONNX Runtime makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from playground.engines.run import run
from playground.model.recipe import Recipe
from playground.opening import load
from playground.ptq.pipeline import QuantizedModel, quantize_model
from playground.quantization import Scheme

Arrays = dict[str, np.ndarray]

STATIC: dict[str, Recipe] = {
    "default": Recipe(),
    "tensor": Recipe(weights=Scheme("int8")),
    "prepared": Recipe(prepare=True),
}
MODES = {**STATIC, "dynamic": Recipe(activations="dynamic"), "weight_only": Recipe(activations="weight_only")}

_TYPES = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64, "bool": TensorProto.BOOL}

node = helper.make_node


class Case:
    """A model with data for it."""

    def __init__(
        self,
        nodes: list[Any],
        constants: dict[str, Any],
        data: Arrays,
        outputs: tuple[str, ...] = ("y",),
        opset: int = 17,
    ) -> None:
        """Make the file; the first axis of every input is open."""
        inputs = [
            helper.make_tensor_value_info(name, _TYPES[values.dtype.name], ["n", *values.shape[1:]])
            for name, values in data.items()
        ]
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        held = [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()]
        graph = helper.make_graph(nodes, "case", inputs, ends, held)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        self.file, self.data = model.SerializeToString(), data
        for value in model.graph.output:  # its rank is known when it has been run
            size = self.run(self.file)[value.name].ndim
            value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, [None] * size))
        self.file = model.SerializeToString()

    def quantized(self, recipe: Recipe | None = None) -> QuantizedModel:
        """The quantized model."""
        made = quantize_model(load(self.file, "case.onnx"), recipe, self.data)
        onnx.checker.check_model(made.onnx, full_check=True)
        names = [n.name for n in onnx.load_from_string(made.onnx).graph.node]
        assert len(set(names)) == len(names)
        return made

    def run(self, file: bytes, optimized: bool = True) -> Arrays:
        """What native ONNX Runtime answers."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        if not optimized:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        names = [value.name for value in session.get_outputs()]
        return dict(zip(names, session.run(None, self.data), strict=True))

    def sqnr(self, recipe: Recipe | None = None) -> float:
        """Signal to noise of the worst output in dB, in ONNX Runtime as it optimizes; the other engines agree.

        Unoptimized ONNX Runtime and our reference are within 1 dB, or beyond 36 dB: ONNX Runtime rounds by itself what
        it multiplies with weights that alone are quantized.
        """
        made = self.quantized(recipe)
        wanted = self.run(self.file)
        found = decibels(wanted, self.run(made.onnx))
        for other in (self.run(made.onnx, optimized=False), run(made.onnx, self.data, "reference")):
            level = decibels(wanted, other)
            assert abs(level - found) < 1 or min(level, found) > 36, (level, found)
        return found


def decibels(wanted: Arrays, found: Arrays) -> float:
    """Signal to noise of the worst output in dB."""
    levels = []
    for name, signal in wanted.items():
        noise = np.square(signal - found[name]).mean(dtype=np.float64)
        levels.append(np.inf if noise == 0 else 10 * np.log10(np.square(signal).mean(dtype=np.float64) / noise))
    return float(min(levels))


class Random:
    """Values and weights, the same every time."""

    def __init__(self, seed: int = 0) -> None:
        """Start with a seed."""
        self.rng = np.random.default_rng(seed)

    def normal(self, *shape: int) -> np.ndarray:
        """Standard normal float32."""
        return self.rng.normal(size=shape).astype(np.float32)

    def uniform(self, *shape: int) -> np.ndarray:
        """float32 from 0 to 1."""
        return self.rng.random(shape).astype(np.float32)

    def weights(self, *shape: int, by: float = 1) -> np.ndarray:
        """Normal float32 that keeps the size of what it is multiplied with."""
        return (self.rng.normal(size=shape) * by / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
