"""A small net with one of everything that is quantized differently, and data for it."""

from typing import Any

import numpy as np
import pytest

from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo


def constants(**arrays: np.ndarray) -> dict[str, Tensor]:
    return {name: Tensor.of(name, values) for name, values in arrays.items()}


def small_net(pool: str) -> Model:
    """Conv, Relu, depthwise Conv, Add of a branch, ``pool`` (MaxPool or AveragePool), Flatten, Gemm, Softmax."""
    rng = np.random.default_rng(3)

    def normal(*shape: int) -> Any:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    pads = {"pads": [1, 1, 1, 1]}
    nodes = (
        Node("Conv", "conv1", ("x", "w1", "b1"), ("c1",), pads),
        Node("Relu", "relu1", ("c1",), ("r1",)),
        Node("Conv", "conv2", ("r1", "w2", "b2"), ("c2",), {**pads, "group": 4}),
        Node("Add", "add", ("r1", "c2"), ("a",)),
        Node(pool, "pool", ("a",), ("p",), {"kernel_shape": [2, 2], "strides": [2, 2]}),
        Node("Flatten", "flatten", ("p",), ("f",)),
        Node("Gemm", "fc", ("f", "w3", "b3"), ("y",)),
        Node("Softmax", "softmax", ("y",), ("z",)),
    )
    held = constants(
        w1=normal(4, 2, 3, 3), b1=normal(4), w2=normal(4, 1, 3, 3), b2=normal(4), w3=normal(36, 5), b3=normal(5)
    )
    values = (ValueInfo("x", "float32", ("n", 2, 6, 6)),), (ValueInfo("z", "float32", ("n", 5)),)
    graph = Graph("net", *values, nodes, held, 17)
    return Model("onnx", "net.onnx", held, graph)


def small_data() -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(4).normal(size=(50, 2, 6, 6)).astype(np.float32)}


@pytest.fixture
def model() -> Model:
    return small_net("MaxPool")


@pytest.fixture
def data() -> dict[str, np.ndarray]:
    return small_data()


@pytest.fixture
def changed(model: Model) -> Any:
    """The model with some constants or fields of its graph replaced."""

    def change(arrays: dict[str, np.ndarray] | None = None, **fields: Any) -> Model:
        assert model.graph is not None
        held = {**model.graph.initializers, **constants(**(arrays or {}))}
        return Model("onnx", model.name, held, model.graph.with_(**{"initializers": held, **fields}))

    return change
