"""Nets made here, and what onnxruntime.quantization makes of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from playground import gallery
from playground.model.writers.onnx import to_onnx
from playground.opening import load
from playground.operators import Form, all_operators
from playground.ptq.preparation import ALWAYS, prepared_graph

OPERATORS = tuple(name for name, known in all_operators().items() if known.forms & (Form.DEFAULT | Form.NAMED))
"""What the tool quantizes unless it is told otherwise, as far as it has a form here."""

RNG = np.random.default_rng(7)
TYPES = {"int8": QuantType.QInt8, "uint8": QuantType.QUInt8}


def values(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def build(nodes: list[Any], weights: dict[str, np.ndarray], x: tuple[int, ...]) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *x])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", None])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def residual() -> onnx.ModelProto:
    """Convolutions with batch normalization, ReLU and a residual sum, and a Softmax at the end."""
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], "conv1", pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c1", "g1", "h1", "m1", "v1"], ["n1"], "norm1"),
        node("Relu", ["n1"], ["r1"], "relu1"),
        node("Conv", ["r1", "w2"], ["c2"], "conv2", pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c2", "g2", "h2", "m2", "v2"], ["n2"], "norm2"),
        node("Add", ["n2", "r1"], ["a"], "residual"),
        node("Relu", ["a"], ["r2"], "relu2"),
        node("GlobalAveragePool", ["r2"], ["p"], "pool"),
        node("Flatten", ["p"], ["f"], "flatten"),
        node("Gemm", ["f", "w3", "b3"], ["g"], "gemm", transB=1),
        node("Softmax", ["g"], ["y"], "softmax", axis=1),
    ]
    weights = {"w1": values(6, 3, 3, 3), "b1": values(6), "w2": values(6, 6, 3, 3), "w3": values(5, 6), "b3": values(5)}
    for number in "12":
        weights |= {f"g{number}": 1 + 0.1 * values(6), f"h{number}": values(6)}
        weights |= {f"m{number}": values(6), f"v{number}": np.abs(values(6)) + np.float32(0.5)}
    return build(nodes, weights, (3, 8, 8))


def perceptron() -> onnx.ModelProto:
    """MatMul with a bias, GELU as exporters write it, layer normalization, two activations multiplied, and a Gemm."""
    node = helper.make_node
    nodes = [
        node("MatMul", ["x", "w1"], ["m1"], "product1"),
        node("Add", ["m1", "b1"], ["a1"], "bias1"),
        node("Div", ["a1", "root2"], ["d"], "gelu_div"),
        node("Erf", ["d"], ["e"], "gelu_erf"),
        node("Add", ["e", "one"], ["e1"], "gelu_add"),
        node("Mul", ["a1", "e1"], ["ae"], "gelu_mul"),
        node("Mul", ["ae", "half"], ["gelu"], "gelu_half"),
        node("LayerNormalization", ["gelu", "g", "h"], ["n"], "norm", axis=-1),
        node("Sigmoid", ["n"], ["s"], "gate"),
        node("Mul", ["n", "s"], ["q"], "gated"),
        node("MatMul", ["q", "w2"], ["m2"], "product2"),
        node("Gemm", ["m2", "w3", "b3"], ["y"], "gemm"),
    ]
    weights = {"w1": values(12, 20), "b1": values(20), "w2": values(20, 9), "w3": values(9, 4), "b3": values(4)}
    weights |= {"g": 1 + 0.1 * values(20), "h": values(20)}
    weights |= {name: np.array(v, np.float32) for name, v in (("root2", 2**0.5), ("one", 1), ("half", 0.5))}
    return build(nodes, weights, (12,))


def depthwise() -> onnx.ModelProto:
    """Depthwise separable blocks with Clip, whose channels differ by orders of magnitude."""
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], "stem", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Clip", ["c1", "zero", "six"], ["r1"], "clip1"),
        node("Conv", ["r1", "w2", "b2"], ["c2"], "depthwise", group=8, pads=[1, 1, 1, 1]),
        node("Clip", ["c2", "zero", "six"], ["r2"], "clip2"),
        node("Conv", ["r2", "w3"], ["c3"], "pointwise"),
        node("AveragePool", ["c3"], ["p"], "pool", kernel_shape=[4, 4]),
        node("Reshape", ["p", "flat"], ["f"], "reshape"),
        node("MatMul", ["f", "w4"], ["y"], "product"),
    ]
    magnitudes = np.float32(10) ** np.linspace(-2, 1, 8, dtype=np.float32)
    weights = {"w1": values(8, 3, 3, 3), "b1": values(8), "w2": values(8, 1, 3, 3) * magnitudes[:, None, None, None]}
    weights |= {"b2": values(8), "w3": values(10, 8, 1, 1), "w4": values(10, 5), "flat": np.array([0, 10])}
    weights |= {"zero": np.array(0, np.float32), "six": np.array(6, np.float32)}
    return build(nodes, weights, (3, 8, 8))


def folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model as it is quantized here: the tool leaves batch normalizations where they are."""
    graph, _ = prepared_graph(load(model.SerializeToString(), "model.onnx").required_graph(), ALWAYS)
    return onnx.load_from_string(to_onnx(graph))


MODELS = {"residual": folded(residual()), "perceptron": perceptron(), "depthwise": depthwise()}
DATA = {"residual": values(20, 3, 8, 8), "perceptron": values(20, 12), "depthwise": values(20, 3, 8, 8)}
for model_id in ("digits-mlp", "digits-convnet"):
    MODELS[model_id] = onnx.load_from_string(gallery.model_bytes(model_id))
    DATA[model_id] = gallery.calibration(model_id)["image"][:20]


def input_of(name: str) -> str:
    return MODELS[name].graph.input[0].name


class Reader(CalibrationDataReader):
    def __init__(self, name: str) -> None:
        self._batches: Iterator[dict[str, np.ndarray]] = iter([{input_of(name): DATA[name]}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)


def static(
    name: str,
    folder: Path,
    activations: str = "uint8",
    weights: str = "int8",
    method: str = "MinMax",
    options: dict[str, Any] | None = None,
    **others: Any,
) -> onnx.ModelProto:
    source, target = folder / "float.onnx", folder / "quantized.onnx"
    onnx.save(MODELS[name], source)
    quantize_static(
        source,
        target,
        Reader(name),
        quant_format=QuantFormat.QDQ,
        calibrate_method=CalibrationMethod[method],
        activation_type=TYPES[activations],
        weight_type=TYPES[weights],
        extra_options=options or {},
        **others,
    )
    return onnx.load(target)


def dynamic(name: str, folder: Path, weights: str, per_channel: bool) -> onnx.ModelProto:
    source, target = folder / "float.onnx", folder / "dynamic.onnx"
    onnx.save(MODELS[name], source)
    quantize_dynamic(source, target, weight_type=TYPES[weights], per_channel=per_channel)
    return onnx.load(target)


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def run(model: bytes, name: str) -> np.ndarray:
    return onnxruntime.InferenceSession(model).run(None, {input_of(name): DATA[name]})[0]


def assert_equal_files(ours: bytes, expected: onnx.ModelProto, name: str) -> None:
    """The same constants by name, type and value, and the same answers."""
    onnx.checker.check_model(ours, full_check=True)
    found, wanted = constants(onnx.load_from_string(ours)), constants(expected)
    assert set(found) == set(wanted)
    for tensor, array in wanted.items():
        assert found[tensor].dtype == array.dtype, tensor
        np.testing.assert_array_equal(found[tensor], array, tensor)
    np.testing.assert_array_equal(run(ours, name), run(expected.SerializeToString(), name))
