"""What stays of a program that ran: nothing of a single run, one program of a repeated one."""

import gc
from typing import Any

import numpy as np
import pytest

from playground.engines import repeated
from playground.engines.feeds import Fed, checked_feeds
from playground.engines.planned import PlannedModel
from playground.engines.repeated import Repeated
from playground.errors import InvalidInputError
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.ptq.pipeline import quantize_model
from playground.tasks import run_sync

RNG = np.random.default_rng(0)
X = RNG.normal(size=(9, 6)).astype(np.float32)


def quantized(seed: int = 0) -> Graph:
    w = np.random.default_rng(seed).normal(size=(6, 4)).astype(np.float32)
    values = (ValueInfo("x", "float32", ("n", 6)),), (ValueInfo("y", "float32", ("n", 4)),)
    graph = Graph("product", *values, (Node("MatMul", "product", ("x", "w"), ("y",)),), {"w": Tensor.of("w", w)}, 17)
    made = quantize_model(Model("onnx", "m.onnx", graph.initializers, graph), None, {"x": X})
    return made.model.required_graph()


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []
    plan = PlannedModel._planned_task

    def counted(self: PlannedModel, fed: Fed) -> Any:
        made.append(fed.shapes)
        return plan(self, fed)

    monkeypatch.setattr(PlannedModel, "_planned_task", counted)
    return made


def run(runs: Repeated, graph: Graph, x: np.ndarray) -> np.ndarray:
    return run_sync(runs.run_task(graph, checked_feeds(graph, {"x": x})))["y"]


@pytest.mark.parametrize("engine", ["wasm", "reference"])
def test_from_the_second_run_on_nothing_is_planned_anew(engine: Any, plans: list[Any]) -> None:
    runs, graph = Repeated(engine), quantized()
    outputs = [run(runs, graph, X) for _ in range(4)]
    assert len(plans) == 2
    assert all(np.array_equal(output, outputs[0]) for output in outputs)
    assert (runs.nbytes > 0) == (engine == "wasm")
    other = quantized(1)
    assert not np.array_equal(run(runs, other, X), outputs[0])
    assert runs.nbytes == 0
    run(runs, graph, X)
    assert len(plans) == 4


def test_other_shapes_are_another_run(plans: list[Any]) -> None:
    runs, graph = Repeated("wasm"), quantized()
    for count in (1, 2, 1, 2):
        run(runs, graph, X[:count])
    assert (len(plans), runs.nbytes) == (4, 0)


def test_a_graph_that_is_gone_is_not_taken_for_another(plans: list[Any]) -> None:
    runs = Repeated("wasm")
    for seed in range(3):
        run(runs, quantized(seed), X)
        gc.collect()
    assert (len(plans), runs.nbytes) == (3, 0)


def test_much_memory_is_given_back(monkeypatch: pytest.MonkeyPatch, plans: list[Any]) -> None:
    monkeypatch.setattr(repeated, "MOST", 10)
    runs, graph = Repeated("wasm"), quantized()
    for _ in range(3):
        run(runs, graph, X)
    assert (len(plans), runs.nbytes) == (3, 0)


def test_work_that_is_left_halfway_leaves_nothing() -> None:
    runs, graph = Repeated("wasm"), quantized()
    for _ in range(2):
        work = runs.run_task(graph, checked_feeds(graph, {"x": X}))
        next(work)
        work.close()
    assert runs.nbytes == 0
    with pytest.raises(InvalidInputError):
        run(runs, graph, X[:, :3])
