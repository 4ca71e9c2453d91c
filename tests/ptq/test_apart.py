"""A part of a Concat that the shared scale cannot hold leaves it in float; the reason says how fine that scale is."""

import re

import numpy as np
import pytest

from playground.model.graph import Node
from playground.ptq.pipeline import quantize_model
from tests.ptq.nets import graph_of, model_of


def why_apart(low: float, high: float, small: float) -> str:
    """Why the Concat of values from ``low`` to ``high`` and of values up to ``small`` stays in float, if it does."""
    nodes = [
        Node("MatMul", "wide", ("x", "v"), ("a",)),
        Node("MatMul", "narrow", ("x", "w"), ("b",)),
        Node("Concat", "join", ("a", "b"), ("y",), {"axis": 1}),
    ]
    graph = graph_of(nodes, {"v": np.array([[1], [0]]), "w": np.array([[0], [1]])}, ("n", 2), ("n", 2))
    x = np.stack([np.linspace(low, high, 64), np.linspace(0, small, 64)], axis=1).astype(np.float32)
    report = quantize_model(model_of(graph), None, {"x": x}, verify=False).report
    return next((skip.reason for skip in report.skipped if skip.node == "join"), "")


@pytest.mark.parametrize(("low", "high"), [(-100, 100), (-100, -50), (50, 100), (-100, 0), (-10, 100)])
def test_a_part_of_less_than_four_steps_is_lost(low: float, high: float) -> None:
    """A step is the 255th part of the range, which has zero in it."""
    step = (max(high, 0) - min(low, 0)) / 255
    told = re.search(
        r"the values of 'b' \(up to (\S+)\) would be lost .* \(steps of (\S+)\)", why_apart(low, high, 3.8 * step)
    )
    assert told is not None
    assert [float(part) for part in told.groups()] == pytest.approx([3.8 * step, step], rel=0.02)
    assert not why_apart(low, high, 4.2 * step)
