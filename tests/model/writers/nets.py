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


def signals(channels_last: bool = False) -> tuple[Model, Feeds]:
    """Convolutions over time: strides, a depthwise one, a sum, pools, a flat signal, a dense layer.

    Args:
        channels_last: whether it takes signals so and turns them itself, as exporters from TensorFlow write it.
    """
    nodes = [
        node(
            "Conv", "conv1", "t w1 b1" if channels_last else "x w1 b1", "a", kernel_shape=[5], strides=[2], pads=[2, 2]
        ),
        node("Relu", "relu1", "a", "a1"),
        node("Conv", "conv2", "a1 w2 b2", "c", kernel_shape=[3], pads=[1, 1], group=8),
        node("Add", "sum", "c a1", "s"),
        node("MaxPool", "pool", "s", "p", kernel_shape=[3], strides=[2], pads=[1, 1]),
        node("Conv", "conv3", "p w3 b3", "d", kernel_shape=[3], dilations=[2], pads=[2, 2]),
        node("Clip", "relu6", "d low high", "d1"),
        node("AveragePool", "mean", "d1", "m", kernel_shape=[2], strides=[2]),
        node("Flatten", "flat", "m", "f"),
        node("Gemm", "dense", "f w4 b4", "y", transB=1),
    ]
    constants = {"w1": weights(8, 3, 5), "b1": weights(8), "w2": weights(8, 1, 3), "b2": weights(8)}
    constants |= {"w3": weights(12, 8, 3), "b3": weights(12), "w4": weights(5, 96), "b4": weights(5)}
    constants |= {"low": np.float32(0), "high": np.float32(6)}
    if channels_last:
        nodes.insert(0, node("Transpose", "turn", "x", "t", perm=[0, 2, 1]))
    shape = (64, 3) if channels_last else (3, 64)
    return model(nodes, constants, ("batch", *shape), ("batch", 5)), samples(32, *shape)


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
