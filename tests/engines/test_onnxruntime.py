import numpy as np
import pytest

from playground.engines import onnxruntime
from playground.errors import InvalidInputError
from playground.model.graph import Graph, Node, ValueInfo
from playground.model.writers.onnx import to_onnx
from playground.tasks import resolve

VALUES = (ValueInfo("x", "float32", ("n", 3)),), (ValueInfo("y", "float32", ("n", 3)),)
GRAPH = Graph("g", *VALUES, (Node("Neg", "neg", ("x",), ("y",)),), {}, 17)


@pytest.mark.parametrize("model", [None, to_onnx(GRAPH.with_(nodes=(Node("Abs", "abs", ("x",), ("y",)),)))])
def test_plans_once_and_runs_often(model: bytes | None) -> None:
    program = resolve(onnxruntime.plan(GRAPH, model))
    for n in (1, 4):
        x = -np.ones((n, 3))
        assert resolve(onnxruntime.run(program, {"x": x}))["y"].tolist() == (-x).tolist()


def test_feeds_are_checked() -> None:
    with pytest.raises(InvalidInputError, match="'x' is missing"):
        resolve(onnxruntime.run(resolve(onnxruntime.plan(GRAPH)), {}))
