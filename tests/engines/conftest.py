"""Small float ONNX models, quantized by onnxruntime.quantization: what the integer engines have to run."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from playground.opening import load

RNG_SEED = 3


def _weights(rng, name, *shape):
    return numpy_helper.from_array((rng.normal(size=shape) * 0.4).astype(np.float32), name)


def _perceptron(rng):
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w1", "b1"], ["h"], transB=1),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "w2"], ["m"]),
        helper.make_node("Add", ["m", "b2"], ["y"]),
    ]
    weights = [
        _weights(rng, "w1", 33, 64),
        _weights(rng, "b1", 33),
        _weights(rng, "w2", 33, 10),
        _weights(rng, "b2", 10),
    ]
    return nodes, weights, ["batch", 1, 8, 8], ["batch", 10]


def _convnet(rng):
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], pads=[1, 1, 1, 1], group=12, strides=[2, 2]),
        helper.make_node("Clip", ["c2", "zero", "six"], ["r2"]),
        helper.make_node("Conv", ["r2", "w3"], ["c3"]),
        helper.make_node("Add", ["c3", "r2"], ["sum"]),
        helper.make_node("GlobalAveragePool", ["sum"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w4", "b4"], ["y"]),
    ]
    weights = [
        _weights(rng, "w1", 12, 1, 3, 3),
        _weights(rng, "b1", 12),
        _weights(rng, "w2", 12, 1, 3, 3),
        _weights(rng, "b2", 12),
        _weights(rng, "w3", 12, 12, 1, 1),
        _weights(rng, "w4", 12, 10),
        _weights(rng, "b4", 10),
        numpy_helper.from_array(np.float32(0), "zero"),
        numpy_helper.from_array(np.float32(6), "six"),
    ]
    return nodes, weights, ["batch", 1, 8, 8], ["batch", 10]


def _pools(rng):
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c"], group=2, strides=[1, 1], auto_pad="SAME_UPPER"),
        helper.make_node("MaxPool", ["c"], ["max"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node(
            "AveragePool", ["c"], ["avg"], kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1, pads=[1, 0, 1, 0]
        ),
        helper.make_node("Add", ["max", "avg"], ["sum"]),
        helper.make_node("Reshape", ["sum", "shape"], ["y"]),
    ]
    weights = [_weights(rng, "w1", 6, 2, 3, 3), numpy_helper.from_array(np.array([0, -1], np.int64), "shape")]
    return nodes, weights, ["batch", 4, 7, 8], ["batch", 96]


def _functions(rng):
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c"]),
        helper.make_node("LeakyRelu", ["c"], ["l"], alpha=0.2),
        helper.make_node("Sigmoid", ["l"], ["s"]),
        helper.make_node("Flatten", ["s"], ["f"]),
        helper.make_node("Softmax", ["f"], ["y"], axis=-1),
    ]
    return nodes, [_weights(rng, "w1", 1, 3, 3, 2)], ["batch", 3, 4, 4], ["batch", 6]


MODELS = {"perceptron": _perceptron, "convnet": _convnet, "pools": _pools, "functions": _functions}


class _OneBatch(CalibrationDataReader):
    def __init__(self, x):
        self._batches = iter([{"x": x}])

    def get_next(self):
        return next(self._batches, None)


def _inputs(shape, n, seed):
    return np.random.default_rng(seed).uniform(-1, 2, (n, *shape[1:])).astype(np.float32)


def _float_model(name: str) -> onnx.ModelProto:
    nodes, weights, x_shape, y_shape = MODELS[name](np.random.default_rng(RNG_SEED))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x_shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, y_shape)],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


@pytest.fixture(scope="session")
def float_model() -> Callable[[str], onnx.ModelProto]:
    """One of the models before it is quantized."""
    return _float_model


def _quantized(folder: Path, name: str, activations: str, per_channel: bool, form: str = "QDQ") -> bytes:
    source, target = folder / f"{name}.onnx", folder / f"{name}.qdq.onnx"
    onnx.save(_float_model(name), source)
    x_shape = MODELS[name](np.random.default_rng(RNG_SEED))[2]
    quantize_static(
        source,
        target,
        _OneBatch(_inputs(x_shape, 64, 1)),
        quant_format=QuantFormat[form],
        per_channel=per_channel,
        activation_type=QuantType.QInt8 if activations == "int8" else QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        extra_options={"ActivationSymmetric": activations == "int8"},
    )
    return target.read_bytes()


class Qdq:
    """A quantized model as bytes and as a graph, and inputs for it."""

    def __init__(self, name: str, model: bytes) -> None:
        self.bytes, self.graph = model, load(model, f"{name}.onnx").graph

    def inputs(self, n: int = 40) -> np.ndarray:
        return _inputs(self.graph.inputs[0].shape, n, 2)


@pytest.fixture(scope="session")
def make_qdq(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Qdq]:
    made: dict[tuple[str, str, bool, str], Qdq] = {}

    def make(name: str, activations: str = "uint8", per_channel: bool = True, form: str = "QDQ") -> Qdq:
        key = (name, activations, per_channel, form)
        if key not in made:
            made[key] = Qdq(name, _quantized(tmp_path_factory.mktemp(name), *key))
        return made[key]

    return make


@pytest.fixture(params=[(n, a, c) for n in MODELS for a in ("uint8", "int8") for c in (True, False)], ids=str)
def qdq(request: pytest.FixtureRequest, make_qdq: Callable[..., Qdq]) -> Qdq:
    """Every model, with either kind of activations, with scales per channel and per tensor."""
    return make_qdq(*request.param)


@pytest.fixture(params=["uint8", "int8"])
def dtype(request):
    """The type of activations."""
    return request.param
