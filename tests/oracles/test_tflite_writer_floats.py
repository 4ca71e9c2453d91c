"""Operators on floats whose results are no floats, written by us and run by LiteRT."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from playground.model.graph import Graph, Node, Tensor, ValueInfo
from tests.model.writers.qdq import drawn, written

litert = pytest.importorskip("ai_edge_litert.interpreter")


def _alone(nodes: Node | tuple[Node, ...], dtype: str, shape: tuple[int, ...], x: Any) -> Any:
    """What LiteRT makes of floats by one operator, or several."""
    ends = (ValueInfo("x", "float32", x.shape),), (ValueInfo("y", dtype, shape),)
    held = {"half": Tensor.of("half", np.array(0.5, np.float32))}
    nodes = nodes if isinstance(nodes, tuple) else (nodes,)
    model = litert.Interpreter(model_content=written(Graph("alone", *ends, nodes, held, 19)))
    model.allocate_tensors()
    model.set_tensor(model.get_input_details()[0]["index"], x)
    model.invoke()
    return model.get_tensor(model.get_output_details()[0]["index"])


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
def test_places(op: str) -> None:
    x = drawn(3, 10)
    found = _alone(Node(op, "place", ("x",), ("y",), {"axis": 1, "keepdims": 0}), "int64", (3,), x)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, x.argmax(1) if op == "ArgMax" else x.argmin(1))


@pytest.mark.parametrize(
    ("op", "wanted"),
    [
        *(("Equal", np.equal), ("Greater", np.greater), ("GreaterOrEqual", np.greater_equal)),
        *(("Less", np.less), ("LessOrEqual", np.less_equal)),
    ],
)
def test_comparisons(op: str, wanted: Any) -> None:
    x = np.rint(4 * drawn(2, 3, 5)) / 4
    found = _alone(Node(op, "compare", ("x", "half"), ("y",)), "bool", x.shape, x)
    np.testing.assert_array_equal(found, wanted(x, 0.5))
    assert 0 < found.sum() < found.size


def test_logic() -> None:
    x = np.rint(4 * drawn(2, 3, 5)) / 4
    nodes = (
        Node("Greater", "more", ("x", "half"), ("above",)),
        Node("Less", "less", ("x", "half"), ("below",)),
        Node("Or", "either", ("above", "below"), ("other",)),
        Node("Not", "not", ("above",), ("within",)),
        Node("And", "both", ("other", "within"), ("y",)),
    )
    np.testing.assert_array_equal(_alone(nodes, "bool", x.shape, x), x < 0.5)
