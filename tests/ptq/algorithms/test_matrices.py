"""Whatever the operator, the weight's matrices times the columns are what the float operator gives."""

from typing import Any

import numpy as np
import pytest

from playground.engines.interpreter import run_graph
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.operators import view_of
from playground.ptq.algorithms import _matrices
from playground.ptq.algorithms._matrices import Matrices, matrices_of

CASES: list[tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ("Gemm", (7, 5), (9, 5), {"transB": 1}),
    ("Gemm", (7, 5), (5, 9), {}),
    ("MatMul", (2, 3, 7, 5), (5, 4), {}),
    ("Conv", (3, 4, 9, 8), (6, 4, 3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    ("Conv", (3, 4, 9, 8), (8, 2, 3, 2), {"group": 2, "dilations": [2, 1]}),
    ("Conv", (3, 4, 9, 8), (8, 1, 3, 3), {"group": 4, "auto_pad": "SAME_UPPER"}),
    ("Conv", (2, 3, 11), (5, 3, 4), {"pads": [2, 1]}),
]


def single(op: str, x: np.ndarray, w: np.ndarray, attributes: dict[str, Any]) -> Graph:
    node = Node(op, "node", ("x", "w"), ("y",), attributes)
    values = (ValueInfo("x", "float32", x.shape),), (ValueInfo("y", "float32", None),)
    return Graph("g", *values, (node,), {"w": Tensor.of("w", w)}, 17)


@pytest.mark.parametrize("limit", [2**23, 200])
@pytest.mark.parametrize(("op", "x_shape", "w_shape", "attributes"), CASES)
def test_products(
    op: str,
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    attributes: dict[str, Any],
    limit: int,
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(_matrices, "COLUMNS", limit)
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=x_shape).astype(np.float32), rng.normal(size=w_shape).astype(np.float32)
    graph = single(op, x, w, attributes)
    layer = matrices_of(graph.nodes[0], view_of(graph))
    assert isinstance(layer, Matrices)
    expected = run_graph(graph, {"x": x})["y"]
    y = np.concatenate([layer.of(w) @ columns for columns in layer.columns(x)], axis=2)
    if op == "Conv":  # [groups, outputs, batch * positions]
        made = np.moveaxis(y.reshape(w.shape[0], len(x), -1), 0, 1).reshape(expected.shape)
    else:
        made = y[0].T.reshape(expected.shape)
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(layer.back(layer.of(w)), w)
    assert layer.outputs == w.shape[0 if op == "Conv" or attributes.get("transB") else 1]
    channels = np.arange(1.0, layer.channels + 1)
    scaled = x * channels.reshape([-1 if i == (1 if op == "Conv" else x.ndim - 1) else 1 for i in range(x.ndim)])
    divided = layer.back((layer.of(w) / layer.spread(channels)).astype(np.float32))
    again = run_graph(single(op, x, divided, attributes), {"x": scaled.astype(np.float32)})["y"]
    np.testing.assert_allclose(again, expected, rtol=1e-3, atol=1e-3)
    ones = np.broadcast_to(layer.spread(channels)[:, 0], (layer.groups, layer.inputs))
    np.testing.assert_array_equal(layer.gather(ones, layer.channels, np.maximum), channels)


@pytest.mark.parametrize(
    ("op", "inputs", "shape", "attributes", "reason"),
    [
        ("ConvTranspose", ("x", "w"), (3, 4, 2, 2), {}, "transposed convolutions"),
        ("MatMul", ("w", "x"), (4, 4), {}, "as input 1 of MatMul"),
        ("MatMul", ("x", "w"), (2, 4, 4), {}, "shape [2, 4, 4]"),
        ("Gemm", ("x", "w"), (4, 4), {"transA": 1}, "transA"),
    ],
)
def test_what_is_not_treated_says_why(
    op: str, inputs: tuple[str, ...], shape: tuple[int, ...], attributes: dict[str, Any], reason: str
) -> None:
    graph = single(op, np.zeros((4, 4), np.float32), np.zeros(shape, np.float32), attributes)
    node = Node(op, "node", inputs, ("y",), attributes)
    found = matrices_of(node, view_of(graph.with_(nodes=(node,))))
    assert isinstance(found, str)
    assert reason in found
