"""Every file opens: with no tensor to show the other views work, and a NaN costs one tensor."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from playground.app.model_jobs import ModelJobs
from playground.app.python_code import python_code
from playground.app.tensor_view import TensorView
from playground.app.workspace import UPLOAD, Workspace
from playground.errors import MissingError
from playground.host.sources import BytesSource
from playground.tasks import run_sync

RNG = np.random.default_rng(8)


def source(held: dict[str, np.ndarray], nodes: list[Any]) -> BytesSource:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "xy")
    constants = [numpy_helper.from_array(values, name) for name, values in held.items()]
    graph = helper.make_graph(nodes, "net", [x], [y], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return BytesSource(made.SerializeToString(), "net.onnx")


def test_a_model_without_a_tensor_of_floats_opens(workspace: Workspace) -> None:
    view = TensorView(workspace)
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    workspace.open(source({"q": np.eye(4, dtype=np.int8), "s": np.float32(0.5)}, nodes))
    assert (workspace.settings.model, workspace.settings.tensor) == (UPLOAD, "")
    assert (workspace.subject, workspace.report, workspace.score) == (None, None, None)
    content = view.content()
    assert content["picture"] is None
    assert "no floating-point tensor" in content["problem"]
    assert "playground.load('net.onnx')" in python_code(workspace)
    assert {row["name"] for row in ModelJobs(workspace).inventory()["tensors"]} >= {"q"}
    workspace.change(format="int8")
    assert workspace.report is None
    workspace.change(model="digits-mlp")
    assert workspace.report is not None
    assert view.content()["picture"]["levels"].size


def test_a_model_without_any_tensor_is_quantized(workspace: Workspace) -> None:
    jobs = ModelJobs(workspace)
    workspace.open(source({}, [helper.make_node("Relu", ["x"], ["y"])]))
    assert workspace.report is None
    result = run_sync(jobs.quantize_task())
    onnx.checker.check_model(onnx.load_from_string(result.onnx))


def test_a_nan_in_one_tensor_costs_that_tensor(workspace: Workspace) -> None:
    broken = RNG.normal(size=(4, 4)).astype(np.float32)
    broken[1, 2] = np.nan
    nodes = [
        helper.make_node("MatMul", ["x", "broken"], ["h"]),
        helper.make_node("Mul", ["h", "zero"], ["g"]),
        helper.make_node("MatMul", ["x", "whole"], ["k"]),
        helper.make_node("Where", ["is", "k", "g"], ["y"]),
    ]
    held = {"broken": np.tile(broken, (1, 1)), "whole": RNG.normal(size=(4, 4)).astype(np.float32)}
    held |= {"zero": np.float32(0), "is": np.array([True] * 4)}
    workspace.open(source(held, nodes))
    assert workspace.settings.tensor == "whole"
    assert workspace.problem.startswith("Another tensor is shown: broken: 1 of 16 values are NaN")
    result = run_sync(ModelJobs(workspace).quantize_task())
    assert [tensor.name for tensor in result.report.tensors] == ["whole"]
    assert any("NaN" in skipped.reason for skipped in result.report.skipped if skipped.name == "broken")


def test_a_file_of_tensors_alone_needs_one_to_show(workspace: Workspace, tmp_path: Any) -> None:
    path = tmp_path / "only.npz"
    np.savez(path, w=np.arange(9))
    with pytest.raises(MissingError, match="no floating-point tensor"):
        workspace.open(BytesSource(path.read_bytes(), "only.npz"))
    assert workspace.settings.model != UPLOAD
