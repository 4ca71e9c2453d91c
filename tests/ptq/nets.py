"""Nets made for algorithms that change graphs, random but sound, with data; and how to run algorithms on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from playground import Scheme
from playground.engines.interpreter import run_graph
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.recipe import Recipe
from playground.operators import view_of
from playground.ptq.algorithms import algorithms
from playground.ptq.algorithms._algorithm import Context, Outcome
from playground.ptq.calibration_data import calibration_data
from playground.ptq.placement import place
from playground.ptq.report import Skipped
from playground.tasks import run_sync

Data = dict[str, np.ndarray]
WEIGHTS_ONLY = Recipe(weights=Scheme("int4"), activations="weight_only")


def graph_of(nodes: list[Node], held: Mapping[str, np.ndarray], shape: tuple[Any, ...], out: tuple[Any, ...]) -> Graph:
    constants = {name: Tensor.of(name, values.astype(np.float32)) for name, values in held.items()}
    values = (ValueInfo("x", "float32", shape),), (ValueInfo(nodes[-1].outputs[0], "float32", out),)
    return Graph("net", *values, tuple(nodes), constants, 17)


def everything_net(pool: str) -> Model:
    """Conv, Relu, depthwise Conv, Add of a branch, a pooling operator, Gemm, Softmax."""
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
    arrays = {"w1": normal(4, 2, 3, 3), "b1": normal(4), "w2": normal(4, 1, 3, 3), "b2": normal(4)}
    arrays |= {"w3": normal(36, 5), "b3": normal(5)}
    held = {name: Tensor.of(name, values) for name, values in arrays.items()}
    values = (ValueInfo("x", "float32", ("n", 2, 6, 6)),), (ValueInfo("z", "float32", ("n", 5)),)
    return Model("onnx", "net.onnx", held, Graph("net", *values, nodes, held, 17))


def everything_data() -> Data:
    return {"x": np.random.default_rng(4).normal(size=(50, 2, 6, 6)).astype(np.float32)}


def conv_net(seed: int = 0, pads: int = 1) -> tuple[Graph, Data]:
    """Conv, Relu, depthwise Conv, LeakyRelu, pointwise Conv, Relu, MaxPool, Flatten, Gemm: channels of unequal size."""
    rng = np.random.default_rng(seed)
    uneven = 10.0 ** rng.uniform(-1, 1, 6)
    held = {
        "w1": rng.normal(0, 0.3, (6, 2, 3, 3)) * uneven.reshape(-1, 1, 1, 1),
        "b1": rng.normal(0, 0.3, 6) * uneven,
        "w2": rng.normal(0, 0.3, (6, 1, 3, 3)) * 10.0 ** rng.uniform(-1, 1, (6, 1, 1, 1)),
        "b2": rng.normal(0, 0.3, 6),
        "w3": rng.normal(0, 0.3, (8, 6, 1, 1)) / uneven.reshape(1, -1, 1, 1),
        "b3": rng.normal(0.5, 0.3, 8),
        "w4": rng.normal(0, 0.3, (8 * 9, 5)),
        "b4": rng.normal(0, 0.3, 5),
    }
    wide = {"pads": [pads] * 4}
    nodes = [
        Node("Conv", "conv1", ("x", "w1", "b1"), ("c1",), wide),
        Node("Relu", "relu1", ("c1",), ("r1",)),
        Node("Conv", "depthwise", ("r1", "w2", "b2"), ("c2",), {**wide, "group": 6}),
        Node("LeakyRelu", "relu2", ("c2",), ("r2",), {"alpha": 0.1}),
        Node("Conv", "pointwise", ("r2", "w3", "b3"), ("c3",)),
        Node("Relu", "relu3", ("c3",), ("r3",)),
        Node("MaxPool", "pool", ("r3",), ("p",), {"kernel_shape": [2, 2], "strides": [2, 2]}),
        Node("Flatten", "flatten", ("p",), ("f",)),
        Node("Gemm", "fc", ("f", "w4", "b4"), ("y",)),
    ]
    size = 6 + 4 * (1 - pads)
    data = {"x": rng.normal(size=(40, 2, size, size)).astype(np.float32)}
    return graph_of(nodes, held, ("n", 2, size, size), ("n", 5)), data


def attention_block(seed: int = 0) -> tuple[Graph, Data]:
    """LayerNormalization read by three MatMuls, one of them followed by another MatMul; Gelu; outliers in channels."""
    rng = np.random.default_rng(seed)
    scale = np.ones(16)
    scale[[3, 11]] = 30, 60
    held = {
        "g": scale * rng.uniform(0.8, 1.2, 16),
        "s": rng.normal(0, 0.1, 16) * scale,
        "wq": rng.normal(0, 0.3, (16, 16)) / scale.reshape(-1, 1) ** 0.7,
        "wk": rng.normal(0, 0.3, (16, 16)) / scale.reshape(-1, 1) ** 0.7,
        "wv": rng.normal(0, 0.3, (16, 16)) / scale.reshape(-1, 1) ** 0.7,
        "bv": rng.normal(0, 0.3, 16),
        "wo": rng.normal(0, 0.3, (16, 12)),
    }
    nodes = [
        Node("LayerNormalization", "norm", ("x", "g", "s"), ("h",), {"axis": -1}),
        Node("MatMul", "query", ("h", "wq"), ("q",)),
        Node("MatMul", "key", ("h", "wk"), ("k",)),
        Node("MatMul", "value", ("h", "wv"), ("v0",)),
        Node("Add", "value_bias", ("v0", "bv"), ("v",)),
        Node("Mul", "gate", ("q", "k"), ("qk",)),
        Node("Sigmoid", "squash", ("qk",), ("a",)),
        Node("Mul", "weigh", ("a", "v"), ("z",)),
        Node("MatMul", "out", ("z", "wo"), ("y",)),
    ]
    data = {"x": rng.normal(size=(24, 5, 16)).astype(np.float32)}
    return graph_of(nodes, held, ("n", 5, 16), ("n", 5, 12)), data


def model_of(graph: Graph) -> Model:
    return Model("onnx", f"{graph.name}.onnx", graph.initializers, graph)


def context_of(graph: Graph, data: Data | None, recipe: Recipe = WEIGHTS_ONLY, **more: Any) -> Context:
    dtypes = {name: tensor.dtype for name, tensor in graph.initializers.items()} | {"x": "float32"}
    dtypes |= {name: "float32" for node in graph.nodes for name in node.outputs}
    view = view_of(graph, dtypes)
    excluded = {name: Skipped(name, name, "", "so that a test sees it") for name in more.pop("excluded", ())}
    placement = place(view, recipe, excluded)
    given = None if data is None else calibration_data(graph, data)
    return Context(view, recipe, placement, given, 16, **more)


def applied(name: str, context: Context, **parameters: float) -> Outcome:
    algorithm = algorithms()[name]
    defaults = {p.name: int(p.default) if p.integer else p.default for p in algorithm.parameters}
    return run_sync(algorithm.apply(context, {**defaults, **parameters}))


def answer(graph: Graph, data: Data) -> np.ndarray:
    return run_graph(graph, data)[graph.outputs[0].name]


def relative_error(graph: Graph, reference: np.ndarray, data: Data) -> float:
    return float(np.mean((answer(graph, data) - reference) ** 2) / np.mean(reference**2))
