from typing import Any

import numpy as np
import pytest

from playground.errors import MissingError
from playground.model.graph import Graph, Model
from playground.ptq.activations import BATCH, calibration_data
from playground.ptq.runs import captured, tap_work
from playground.work import Progress, drain


def graph_of(model: Model) -> Graph:
    assert model.graph is not None
    return model.graph


def test_both_engines_capture_the_same(
    model: Model, data: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, step, names = graph_of(model), Progress(1, 2, "now"), ["x", "c1", "p", "z"]
    batches = list(calibration_data(graph, data).batches(BATCH))
    steps: list[Progress] = []
    ours = drain(captured(graph, batches, names, step), steps.append)
    monkeypatch.setattr("playground.engines.interpreter.unsupported", lambda graph: ("Softmax",))
    theirs = drain(captured(graph, batches, names, step), steps.append)
    assert set(steps) == {step}
    assert len(steps) == 2 * len(graph.nodes) + 2
    for one, other in zip(ours, theirs, strict=True):
        for name in names:
            np.testing.assert_allclose(one[name], other[name], 1e-4, 1e-5)


def test_heavy_models_run_in_onnxruntime_and_in_numpy_where_it_is_missing(
    model: Model, data: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = graph_of(model)
    assert drain(tap_work(graph, ["c1"])).program is None
    monkeypatch.setattr("playground.ptq.runs.HEAVY", 100)
    assert drain(tap_work(graph, ["c1", "w1", "x"])).program is not None
    (values,) = drain(captured(graph, [data], ["c1", "w1", "x"], Progress(0, 1)))
    assert np.array_equal(values["w1"], graph.initializers["w1"].numpy())
    assert np.array_equal(values["x"], data["x"])

    async def missing(*args: Any, **others: Any) -> Any:
        raise MissingError("onnxruntime is not installed")

    monkeypatch.setattr("playground.host.ort_session", missing)
    assert drain(tap_work(graph, ["c1"])).program is None
    monkeypatch.setattr("playground.engines.interpreter.unsupported", lambda graph: ("Softmax",))
    with pytest.raises(MissingError):
        drain(tap_work(graph, ["c1"]))


def test_fused_operators_do_not_hide_what_flows_between_them(model: Model, data: dict[str, np.ndarray]) -> None:
    """ONNX Runtime fuses Conv and Relu where it may; here it has to give both results."""
    graph = graph_of(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("playground.ptq.runs.HEAVY", 0)
        (values,) = drain(captured(graph, [data], ["c1", "r1"], Progress(0, 1)))
    assert np.array_equal(np.maximum(values["c1"], 0), values["r1"])
    assert values["c1"].min() < 0
