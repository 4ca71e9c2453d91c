"""Nodes by ONNX Runtime where NumPy is slow: the same results, sessions that nodes share, and what is left to NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from playground import host
from playground.engines import single_nodes
from playground.engines.evaluation import evaluate
from playground.engines.single_nodes import LARGE, SingleNodes
from playground.errors import MissingError, PlaygroundError
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.tasks import run_sync

RNG = np.random.default_rng(8)
IMAGES = RNG.normal(size=(2, 8, 64, 64)).astype(np.float32)


def graph_of(node: Node, constants: dict[str, np.ndarray] | None = None, opset: int = 21) -> Graph:
    held = {name: Tensor.of(name, array) for name, array in (constants or {}).items()}
    inputs = (ValueInfo("x", "float32", ("n", 8, "h", "w")),)
    return Graph("net", inputs, (ValueInfo("y", "", None),), (node,), held, opset, {})


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The files of the sessions that are made from now on."""
    made: list[bytes] = []
    real = host.ort_session

    def noting(model: bytes, **options: Any) -> Any:
        made.append(model)
        return real(model, **options)

    monkeypatch.setattr(host, "ort_session", noting)
    return made


def both(nodes: SingleNodes, graph: Graph, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    (node,) = graph.nodes
    values = {"x": x} | {name: tensor.numpy() for name, tensor in graph.initializers.items()}
    return run_sync(nodes.evaluate_task(graph, node, values))["y"], evaluate(graph, node, values)["y"]


CONV = Node("Conv", "c", ("x", "w", "b"), ("y",), {"pads": [1, 1, 1, 1]})
CODES = {"s": np.float32(0.02), "z": np.int8(-3)}


@pytest.mark.parametrize(
    ("node", "constants"),
    [
        (CONV, {"w": RNG.normal(size=(4, 8, 3, 3)).astype(np.float32), "b": np.ones(4, np.float32)}),
        (Node("Conv", "c", ("x", "w"), ("y",), {"group": 8}), {"w": np.ones((8, 1, 3, 3), np.float32)}),
        (Node("Sigmoid", "s", ("x",), ("y",), {}), {}),
        (Node("MaxPool", "p", ("x",), ("y",), {"kernel_shape": [2, 2], "strides": [2, 2]}), {}),
        (Node("Softmax", "s", ("x",), ("y",), {"axis": 1}), {}),
        (Node("QuantizeLinear", "q", ("x", "s", "z"), ("y",), {}), CODES),
    ],
    ids=lambda value: value.op if isinstance(value, Node) else "",
)
def test_results_are_numpys(sessions: list[bytes], node: Node, constants: dict[str, np.ndarray]) -> None:
    found, wanted = both(SingleNodes(), graph_of(node, constants), IMAGES)
    assert len(sessions) == 1
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_other_weights_and_sizes_need_no_other_session(sessions: list[bytes]) -> None:
    nodes = SingleNodes()
    for factor, size in ((1, 64), (2, 48)):
        weights = {"w": factor * np.ones((4, 8, 3, 3), np.float32), "b": np.zeros(4, np.float32)}
        found, wanted = both(nodes, graph_of(CONV, weights), np.ascontiguousarray(IMAGES[..., :size]))
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert len(sessions) == 1


def test_other_attributes_do(sessions: list[bytes]) -> None:
    nodes = SingleNodes()
    weights = {"w": np.ones((4, 8, 3, 3), np.float32), "b": np.zeros(4, np.float32)}
    for pads in ([1, 1, 1, 1], [0, 0, 0, 0]):
        graph = graph_of(Node("Conv", "c", ("x", "w", "b"), ("y",), {"pads": pads}), weights)
        found, wanted = both(nodes, graph, IMAGES)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert len(sessions) == 2


@pytest.mark.parametrize(
    ("node", "constants", "x"),
    [
        (Node("Sigmoid", "s", ("x",), ("y",), {}), {}, IMAGES.reshape(-1)[: LARGE - 1].reshape(1, 1, 1, -1)),
        (Node("Add", "a", ("x", "x"), ("y",), {}), {}, IMAGES),
        (Node("Transpose", "t", ("x",), ("y",), {"perm": [0, 2, 3, 1]}), {}, IMAGES),
        (Node("Sigmoid", "s", ("x",), ("y",), {}), {}, IMAGES.astype(np.float64)),
    ],
    ids=["small", "one pass", "moves", "another type"],
)
def test_what_is_left_to_numpy(
    sessions: list[bytes], node: Node, constants: dict[str, np.ndarray], x: np.ndarray
) -> None:
    found, wanted = both(SingleNodes(), graph_of(node, constants), x)
    np.testing.assert_array_equal(found, wanted)
    assert sessions == []


def test_codes_of_a_type_that_only_the_file_says_stay_with_numpy(sessions: list[bytes]) -> None:
    """An array of 4-bit codes looks like one of 8 bits, whose limits are others."""
    node = Node("QuantizeLinear", "q", ("x", "s", "z"), ("y",), {})
    graph = graph_of(node, {"s": np.float32(0.1)})
    point = Tensor("z", "int4", (), 1, lambda: np.array(0, np.int8))
    graph = graph.with_(initializers={**graph.initializers, "z": point})
    found, wanted = both(SingleNodes(), graph, IMAGES)
    np.testing.assert_array_equal(found, wanted)
    assert found.max() == 7
    assert sessions == []


def test_without_onnxruntime_numpy_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(model: bytes, **options: Any) -> Any:
        raise MissingError("not installed")

    monkeypatch.setattr(host, "ort_session", missing)
    found, wanted = both(SingleNodes(), graph_of(Node("Sigmoid", "s", ("x",), ("y",), {})), IMAGES)
    np.testing.assert_array_equal(found, wanted)


def test_errors_are_numpys_and_name_the_node() -> None:
    weights = {"w": np.ones((4, 7, 3, 3), np.float32), "b": np.zeros(4, np.float32)}
    graph = graph_of(CONV, weights)
    values = {"x": IMAGES} | {name: tensor.numpy() for name, tensor in graph.initializers.items()}
    with pytest.raises(PlaygroundError) as caught:
        run_sync(SingleNodes().evaluate_task(graph, CONV, values))
    assert "node 'c' (Conv)" in caught.value.where


def test_the_first_multiply_adds_are_numpys_where_the_runtime_has_to_be_fetched(sessions: list[bytes]) -> None:
    weights = {"w": np.ones((4, 8, 3, 3), np.float32), "b": np.zeros(4, np.float32)}
    nodes, each = SingleNodes(patience=2 * 2 * 4 * 64 * 64 * 8 * 9), graph_of(CONV, weights)
    made = []
    for _ in range(3):
        found, wanted = both(nodes, each, IMAGES)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
        made.append(len(sessions))
    assert made == [0, 0, 1]


def test_sessions_take_all_as_input() -> None:
    graph = single_nodes._alone(
        graph_of(CONV), CONV, [IMAGES, np.ones((4, 8, 3, 3), np.float32), np.ones(4, np.float32)]
    )
    assert [value.name for value in graph.inputs] == ["x0", "x1", "x2"]
    assert not graph.initializers
