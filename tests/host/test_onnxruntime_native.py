import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from playground import host
from playground.errors import EngineError, MissingError, UnsupportedError
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.writers.onnx import to_onnx
from playground.tasks import resolve

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def model(op: str = "Relu", **attributes: object) -> bytes:
    values = (ValueInfo("x", "float32", ("n", None)),), (ValueInfo("y", "float32", ("n", None)),)
    return to_onnx(Graph("g", *values, (Node(op, "node", ("x",), ("y",), attributes),), {}, 17))


def test_runs_without_waiting() -> None:
    session = resolve(host.ort_session(model("Neg")))
    assert resolve(session.run({"x": X}))["y"].tolist() == (-X).tolist()
    resolve(session.release())


def test_without_it_the_error_installs_the_version_that_is_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text("utf-8"))["project"]
    (asked,) = project["optional-dependencies"]["onnxruntime"]
    with pytest.raises(MissingError) as error:
        resolve(host.ort_session(model()))
    assert error.value.hint == f"Run `pip install {asked}`"


def test_refusals_are_one_sentence() -> None:
    for data, text in ((model("Frobnicate"), "Frobnicate"), (b"\x08\x0a\x12\x01", "the model cannot be loaded")):
        with pytest.raises(UnsupportedError, match=text) as error:
            resolve(host.ort_session(data))
        assert "\n" not in str(error.value)


def test_failure_while_running() -> None:
    session = resolve(host.ort_session(model()))
    with pytest.raises(EngineError, match="the model failed") as error:
        resolve(session.run({"x": X.astype(np.float64)}))
    assert "\n" not in str(error.value)


def test_dequantized_weights_do_not_round_the_activations() -> None:
    """By default ONNX Runtime 1.32 would compute this product with activations rounded to int8."""
    rng = np.random.default_rng(0)
    codes, scale = rng.integers(-127, 128, (64, 32)).astype(np.int8), np.array(0.02, np.float32)
    nodes = Node("DequantizeLinear", "d", ("q", "s"), ("w",)), Node("MatMul", "m", ("x", "w"), ("y",))
    values = (ValueInfo("x", "float32", ("n", 64)),), (ValueInfo("y", "float32", ("n", 32)),)
    graph = Graph("g", *values, nodes, {"q": Tensor.of("q", codes), "s": Tensor.of("s", scale)}, 17)
    x = rng.normal(size=(5, 64)).astype(np.float32)
    found = resolve(resolve(host.ort_session(to_onnx(graph))).run({"x": x}))["y"]
    np.testing.assert_allclose(found, x @ (codes * scale), 1e-4, 1e-4)
