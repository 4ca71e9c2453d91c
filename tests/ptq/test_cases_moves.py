"""What only moves values keeps their codes: its result has the scale and zero-point of what it reads."""

from typing import Any

import numpy as np
import onnx
import pytest

from tests.ptq.cases import STATIC, Case, Random, node

N, CHANNELS, HEIGHT, WIDTH = 16, 8, 4, 6

COLUMNS = np.broadcast_to(np.int64([5, 0, -2, 1, 1, 3]), (1, CHANNELS, HEIGHT, WIDTH))

MOVES: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "DepthToSpace": ({}, {"blocksize": 2, "mode": "CRD"}, 2),
    "SpaceToDepth": ({}, {"blocksize": 2}, 32),
    "Compress": ({"given": np.array([True, False, True, True, False, True, True, False])}, {"axis": 1}, 5),
    "GatherND": ({"given": np.int64([[[0, 1], [0, -1], [0, 4]]])}, {}, 3),
    "GatherElements": ({"given": COLUMNS}, {"axis": 3}, 8),
}
"""Operator -> constants, attributes, how many channels it leaves."""


def between_convolutions(op: str) -> Case:
    held, attributes, channels = MOVES[op]
    made = Random()
    nodes = [
        node("Conv", ["x", "w1", "b"], ["c"], "first", pads=[1, 1, 1, 1]),
        node(op, ["c", *held], ["m"], "move", **attributes),
        node("Conv", ["m", "w2"], ["y"], "second"),
    ]
    weights = {"w1": made.weights(CHANNELS, 3, 3, 3), "b": made.normal(CHANNELS), "w2": made.weights(4, channels, 1, 1)}
    return Case(nodes, {**weights, **held}, {"x": made.normal(N, 3, HEIGHT, WIDTH)})


@pytest.mark.parametrize("op", MOVES)
@pytest.mark.parametrize("mode", STATIC)
def test_between_convolutions(op: str, mode: str) -> None:
    case = between_convolutions(op)
    assert case.sqnr(STATIC[mode]) >= 30
    made = case.quantized(STATIC[mode])
    assert not made.report.float_operators
    assert {activation.name for activation in made.report.activations} == {"x", "c", "y"}
    pairs = {
        n.input[0]: n.input[1:] for n in onnx.load_from_string(made.onnx).graph.node if n.op_type == "QuantizeLinear"
    }
    assert pairs["m"] == pairs["c"]
