"""A small net with one of everything that is quantized differently, and the gallery's convolutional net with digits."""

from typing import Any

import numpy as np
import pytest

from playground import gallery
from playground.core import Scheme
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.recipe import Recipe
from playground.ptq.pipeline import QuantizedModel, quantize_model

Data = dict[str, np.ndarray]


@pytest.fixture(scope="session")
def net() -> Model:
    """Conv, Relu, depthwise Conv, Add of a branch, AveragePool, Gemm, Softmax."""
    rng = np.random.default_rng(3)

    def normal(*shape: int) -> Any:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    pads = {"pads": [1, 1, 1, 1]}
    nodes = (
        Node("Conv", "conv1", ("x", "w1", "b1"), ("c1",), pads),
        Node("Relu", "relu1", ("c1",), ("r1",)),
        Node("Conv", "conv2", ("r1", "w2", "b2"), ("c2",), {**pads, "group": 4}),
        Node("Add", "add", ("r1", "c2"), ("a",)),
        Node("AveragePool", "pool", ("a",), ("p",), {"kernel_shape": [2, 2], "strides": [2, 2]}),
        Node("Flatten", "flatten", ("p",), ("f",)),
        Node("Gemm", "fc", ("f", "w3", "b3"), ("y",)),
        Node("Softmax", "softmax", ("y",), ("z",)),
    )
    arrays = {"w1": normal(4, 2, 3, 3), "b1": normal(4), "w2": normal(4, 1, 3, 3), "b2": normal(4)}
    arrays |= {"w3": normal(36, 5), "b3": normal(5)}
    held = {name: Tensor.of(name, values) for name, values in arrays.items()}
    values = (ValueInfo("x", "float32", ("n", 2, 6, 6)),), (ValueInfo("z", "float32", ("n", 5)),)
    return Model("onnx", "net.onnx", held, Graph("net", *values, nodes, held, 17))


@pytest.fixture(scope="session")
def net_data() -> Data:
    return {"x": np.random.default_rng(4).normal(size=(50, 2, 6, 6)).astype(np.float32)}


@pytest.fixture(scope="session")
def net_quantized(net: Model, net_data: Data) -> QuantizedModel:
    return quantize_model(net, Recipe(weights=Scheme("int4", "channel")), net_data)


@pytest.fixture(scope="session")
def convnet() -> Model:
    return gallery.open_model("digits-convnet")


@pytest.fixture(scope="session")
def convnet_int4(convnet: Model) -> QuantizedModel:
    """Per tensor at 4 bits, where it breaks."""
    return quantize_model(convnet, Recipe(weights=Scheme("int4")), gallery.calibration("digits-convnet"))
