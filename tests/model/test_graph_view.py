"""A view against what can be counted by hand, branches of control flow included."""

import numpy as np

from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.graph_view import GraphView, needed_for
from playground.operators import view_of


def value(name: str, *shape: int) -> ValueInfo:
    return ValueInfo(name, "float32", shape)


INNER = Graph("inner", (), (value("t"),), (Node("Neg", "neg", ("a",), ("t",)),), {}, 17)
NODES = (
    Node("MatMul", "product", ("x", "w"), ("a",)),
    Node("Add", "twice", ("a", "a"), ("b",)),
    Node("If", "choice", ("flag",), ("c",), {"then_branch": INNER, "else_branch": INNER}),
    Node("Gemm", "last", ("b", "v", "u"), ("d",), {"transB": 1}),
    Node("Exp", "unread", ("b",), ("e",)),
)
HELD = {
    "w": Tensor.of("w", np.zeros((3, 4), np.float32)),
    "v": Tensor.of("v", np.zeros((5, 4), np.float32)),
    "u": Tensor.of("u", np.zeros(5, np.float32)),
    "flag": Tensor.of("flag", np.array(True)),
}
GRAPH = Graph("g", (value("x", 2, 3),), (value("c"), value("d"), value("a")), NODES, HELD, 17)
VIEW = view_of(GRAPH, {"a": "float32"})


def test_readers_and_uses() -> None:
    assert [node.name for node in VIEW.readers("a")] == ["twice", "choice"]
    assert VIEW.uses("a") == 2 + 2 + 1  # twice by one node, once by each branch, and as an output
    assert VIEW.readers("t") == ()  # it is made and read inside the branches only
    assert (VIEW.readers("d"), VIEW.uses("d")) == ((), 1)
    assert (VIEW.readers("nothing"), VIEW.uses("nothing")) == ((), 0)


def test_producers_and_ends() -> None:
    assert VIEW.producer("b") is NODES[1]
    assert VIEW.producer("x") is None
    assert VIEW.producer("w") is None
    assert VIEW.ends == {"a", "c", "d"}


def test_weights_have_an_axis_of_channels() -> None:
    assert [VIEW.weight(node) for node in NODES] == ["w", None, None, "v", None]
    assert [VIEW.channel_axis(node) for node in NODES] == [1, None, None, 0, None]
    assert GraphView(GRAPH).weight(NODES[0]) is None


def test_types_and_shapes() -> None:
    assert VIEW.dtypes == {"x": "float32", "a": "float32", "flag": "bool"} | dict.fromkeys("wvu", "float32")
    assert (VIEW.shape("w"), VIEW.shape("a")) == ((3, 4), None)


def test_nodes_that_values_need() -> None:
    assert [node.name for node in needed_for(["b"], NODES)] == ["product", "twice"]
    assert [node.name for node in needed_for(["c"], NODES)] == ["product", "choice"]
    assert needed_for(["x"], NODES) == ()
