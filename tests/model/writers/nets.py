"""Small nets of ONNX's operators, with samples: what is written as ``.tflite`` in tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo

Feeds = dict[str, NDArray[Any]]
_NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def weights(*shape: int, inputs: int = 0) -> NDArray[np.float32]:
    size = inputs or int(np.prod(shape[1:]) or 1)
    return (np.random.default_rng(shape).normal(size=shape) / np.sqrt(size)).astype(np.float32)


def model(nodes: list[Node], constants: dict[str, Any], given: tuple[Any, ...], made: tuple[Any, ...]) -> Model:
    held = {name: Tensor.of(name, np.asarray(values)) for name, values in constants.items()}
    ends = (ValueInfo("x", "float32", given),), (ValueInfo("y", "float32", made),)
    graph = Graph("net", *ends, tuple(nodes), held, 19)
    return Model("onnx", "net.onnx", held, graph)


def node(op: str, name: str, inputs: str, output: str, **attributes: Any) -> Node:
    return Node(op, name, tuple(inputs.split()), (output,), attributes)


def samples(*shape: int) -> Feeds:
    return {"x": np.random.default_rng(2).normal(size=shape).astype(np.float32)}


def convnet() -> tuple[Model, Feeds]:
    """Padding that SAME is not, groups, pools, a flat image, a dense layer."""
    nodes = [
        node("Conv", "conv1", "x w1 b1", "a", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Relu", "relu1", "a", "a1"),
        node("MaxPool", "pool", "a1", "p", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Conv", "conv2", "p w2 b2", "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=2),
        node("Clip", "relu6", "c low high", "c1"),
        node("Flatten", "flat", "c1", "f"),
        node("Gemm", "dense", "f w3 b3", "y", transB=1),
    ]
    constants = {"w1": weights(8, 3, 3, 3), "b1": weights(8), "w2": weights(12, 4, 3, 3), "b2": weights(12)}
    constants |= {"w3": weights(5, 192), "b3": weights(5), "low": np.float32(0), "high": np.float32(6)}
    return model(nodes, constants, ("batch", 3, 16, 16), ("batch", 5)), samples(32, 3, 16, 16)


def decoder() -> tuple[Model, Feeds]:
    """Transposed convolutions with what is cut off on both sides, resizing, a logistic function."""
    nodes = [
        node("ConvTranspose", "up1", "x w1 b1", "a", kernel_shape=[4, 4], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Relu", "relu1", "a", "a1"),
        node("ConvTranspose", "up2", "a1 w2 b2", "u", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Relu", "relu2", "u", "u1"),
        Node("Resize", "resize", ("u1", "", "", "sizes"), ("r",), _NEAREST),
        node("Conv", "last", "r w3 b3", "l", kernel_shape=[1, 1]),
        node("Sigmoid", "logistic", "l", "y"),
    ]
    constants = {"w1": weights(6, 8, 4, 4, inputs=24), "b1": weights(8), "w2": weights(8, 4, 3, 3, inputs=18)}
    constants |= {"b2": weights(4), "w3": 0.5 * weights(1, 4, 1, 1), "b3": weights(1)}
    constants |= {"sizes": np.array([1, 4, 30, 30], np.int64)}
    return model(nodes, constants, (1, 6, 4, 4), (1, 1, 30, 30)), samples(32, 6, 4, 4)
