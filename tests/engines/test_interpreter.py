from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from playground.engines.interpreter import Runner, run_graph, run_graph_task, unsupported
from playground.errors import EngineError, InvalidInputError, MissingError, UnsupportedError
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.writers.onnx import to_onnx
from playground.operators import Operator, find
from playground.tasks import Progress

RNG = np.random.default_rng(0)


def constants(**arrays: np.ndarray) -> dict[str, Tensor]:
    return {name: Tensor.of(name, values) for name, values in arrays.items()}


@pytest.fixture
def graph() -> Graph:
    """X -> Conv -> Relu -> pool -> Flatten -> Gemm with dequantized weights -> y, and the Relu's output."""
    nodes = (
        Node("Conv", "conv", ("x", "w1", "b1"), ("c",), {"pads": [1, 1, 1, 1]}),
        Node("Relu", "relu", ("c",), ("r",)),
        Node("GlobalAveragePool", "pool", ("r",), ("p",)),
        Node("Flatten", "flatten", ("p",), ("f",)),
        Node("DequantizeLinear", "dequantize", ("q2", "s2"), ("w2",)),
        Node("Gemm", "gemm", ("f", "w2"), ("y",)),
    )
    held = constants(
        w1=RNG.normal(size=(5, 2, 3, 3)).astype(np.float32),
        b1=RNG.normal(size=5).astype(np.float32),
        q2=RNG.integers(-127, 128, (5, 4)).astype(np.int8),
        s2=np.array(0.02, np.float32),
    )
    outputs = (ValueInfo("y", "float32", ("n", 4)), ValueInfo("r", "float32", ("n", 5, 6, 6)))
    return Graph("net", (ValueInfo("x", "float32", ("n", 2, 6, 6)),), outputs, nodes, held, 17)


def images(count: int = 3) -> np.ndarray:
    return RNG.normal(size=(count, 2, 6, 6)).astype(np.float32)


def onnxruntime_run(graph: Graph, x: np.ndarray) -> dict[str, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry(
        "session.qdq_matmulnbits_accuracy_level", "1"
    )  # 4, its default, rounds activations
    session = onnxruntime.InferenceSession(to_onnx(graph), options)
    return dict(zip(["y", "r"], session.run(["y", "r"], {"x": x}), strict=True))


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, 1e-5, 1e-5)


def test_agrees_with_onnxruntime(graph: Graph) -> None:
    x = images()
    assert_same(run_graph(graph, {"x": x}), onnxruntime_run(graph, x))


def test_capture_and_overrides(graph: Graph) -> None:
    x = images()
    found = run_graph(graph, {"x": x}, capture=["c", "w2", "x", "y"], overrides={"b1": np.zeros(5, np.float32)})
    assert set(found) == {"y", "r", "c", "w2", "x"}
    changed = graph.with_(initializers={**graph.initializers, **constants(b1=np.zeros(5, np.float32))})
    assert_same({name: found[name] for name in "yr"}, onnxruntime_run(changed, x))
    np.testing.assert_array_equal(np.maximum(found["c"], 0), found["r"])


def test_work_tells_every_node(graph: Graph) -> None:
    work = run_graph_task(graph, {"x": images()})
    told = []
    with pytest.raises(StopIteration) as end:
        while True:
            told.append(next(work))
    assert [step.message for step in told if isinstance(step, Progress)] == [node.name for node in graph.nodes]
    assert set(end.value.value) == {"y", "r"}


@pytest.mark.parametrize("name", ["w1", "b1", "q2", "s2"])
def test_rerun_equals_running_the_changed_graph(graph: Graph, name: str) -> None:
    x = images()
    runner = Runner(graph)
    first = runner.run({"x": x})
    values = graph.initializers[name].numpy()
    other = (values // 2) if values.dtype == np.int8 else values * np.float32(1.5)
    changed = graph.with_(initializers={**graph.initializers, **constants(**{name: other})})
    assert_same(runner.rerun({name: other}), run_graph(changed, {"x": x}))
    assert_same(runner.rerun({}), first)
    assert_same(runner.run({"x": x[:1]}), run_graph(graph, {"x": x[:1]}))


def test_rerun_computes_only_what_is_downstream(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Runner(graph)
    runner.run({"x": images()})
    ran: list[str] = []

    def counting(node: Node) -> Operator | None:
        op = find(node)
        return op and replace(op, run=lambda *inputs: ran.append(op.id) or op.run(*inputs))

    monkeypatch.setattr("playground.engines.evaluation.find", counting)
    runner.rerun({"s2": np.array(0.03, np.float32)})
    assert ran == ["DequantizeLinear", "Gemm"]


def test_unknown_operators_are_all_named(graph: Graph) -> None:
    odd = (*graph.nodes, Node("Frobnicate", "f", ("y",), ("z",)), Node("Mix", "m", ("y",), ("u",), {}, "com.example"))
    changed = graph.with_(nodes=odd)
    assert unsupported(changed) == ("Frobnicate", "com.example.Mix")
    for attempt in (lambda: run_graph(changed, {"x": images()}), lambda: Runner(changed)):
        with pytest.raises(UnsupportedError, match=r"no Frobnicate, com\.example\.Mix"):
            attempt()


def test_errors_name_the_node(graph: Graph) -> None:
    wrong = graph.with_(initializers={**graph.initializers, **constants(q2=np.zeros((7, 4), np.int8))})
    with pytest.raises(
        EngineError, match=r"node 'gemm' \(Gemm\): the operator cannot run on shapes \[3, 5\], \[7, 4\]"
    ):
        run_graph(wrong, {"x": images()})
    wrong = graph.with_(initializers={**graph.initializers, **constants(w1=np.zeros((5, 3, 3, 3), np.float32))})
    with pytest.raises(InvalidInputError, match=r"node 'conv' \(Conv\)"):
        run_graph(wrong, {"x": images()})
    strides = tuple(
        replace(node, attributes={"strides": [0, 0]}) if node.op == "Conv" else node for node in graph.nodes
    )
    with pytest.raises(InvalidInputError, match=r"node 'conv': \[0, 0\] is not a valid strides of Conv. Use 1 or more"):
        run_graph(graph.with_(nodes=strides), {"x": images()})


def test_misuse(graph: Graph) -> None:
    with pytest.raises(MissingError, match="no value 'q'"):
        run_graph(graph, {"x": images()}, capture=["q"])
    with pytest.raises(MissingError, match="no constant 'x'"):
        run_graph(graph, {"x": images()}, overrides={"x": images()})
    with pytest.raises(InvalidInputError, match="'x' is missing"):
        run_graph(graph, {})
    runner = Runner(graph)
    with pytest.raises(EngineError, match="has no inputs"):
        runner.rerun({})
    runner.run({"x": images()})
    with pytest.raises(MissingError, match="no constant 'c'"):
        runner.rerun({"c": images()})
