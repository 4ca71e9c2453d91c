"""Older forms of operators, brought to today's, give the same."""

import numpy as np
import pytest

from playground.engines.interpreter import run_graph
from playground.engines.planning.expansions import upgraded
from playground.model.graph import Graph, Node, ValueInfo

CASES = [
    ("Squeeze", {"axes": [0, 2]}, 11),
    ("Squeeze", {}, 11),
    ("Unsqueeze", {"axes": [0, -1]}, 11),
    ("ReduceMean", {"axes": [-1], "keepdims": 0}, 13),
]


def graph_of(op: str, attributes: dict[str, object], opset: int) -> Graph:
    x, y = (ValueInfo(name, "float32", None) for name in "xy")
    return Graph("g", (x,), (y,), (Node(op, "n", ("x",), ("y",), attributes),), {}, opset)


@pytest.mark.parametrize(("op", "attributes", "opset"), CASES)
def test_axes_become_an_input(op: str, attributes: dict[str, object], opset: int) -> None:
    old = graph_of(op, attributes, opset)
    new = upgraded(old)
    x = np.random.default_rng(0).normal(size=(1, 4, 1)).astype(np.float32)
    np.testing.assert_array_equal(run_graph(new, {"x": x})["y"], run_graph(old, {"x": x})["y"])
    (node,) = new.nodes
    assert "axes" not in node.attributes
    assert len(node.inputs) == (2 if "axes" in attributes else 1)
    if "axes" in attributes:
        assert new.initializers[node.inputs[1]].numpy().tolist() == attributes["axes"]
        assert node.attributes.get("keepdims") == attributes.get("keepdims")


def test_a_graph_of_today_stays_what_it_is() -> None:
    old = graph_of("Squeeze", {}, 17)
    assert upgraded(old) is old


def test_what_is_no_list_of_axes_is_left_for_planning_to_name() -> None:
    old = graph_of("Squeeze", {"axes": ["first"]}, 11)
    assert upgraded(old) is old
