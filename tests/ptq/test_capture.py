from typing import Any

import numpy as np
import pytest

from playground.errors import MissingError
from playground.model.graph import Graph, Model
from playground.ptq.calibration_data import BATCH, calibration_data
from playground.ptq.capture import captured, tap_task
from playground.tasks import Progress, run_sync


def graph_of(model: Model) -> Graph:
    assert model.graph is not None
    return model.graph


def test_both_engines_capture_the_same(
    model: Model, data: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, step, names = graph_of(model), Progress(1, 2, "now"), ["x", "c1", "p", "z"]
    batches = list(calibration_data(graph, data).batches(BATCH))
    steps: list[Progress] = []
    ours = run_sync(captured(graph, batches, names, step), steps.append)
    monkeypatch.setattr("playground.engines.interpreter.unsupported", lambda graph: ("Softmax",))
    theirs = run_sync(captured(graph, batches, names, step), steps.append)
    assert set(steps) == {step}
    assert len(steps) == 2 * len(graph.nodes) + 2
    for one, other in zip(ours, theirs, strict=True):
        for name in names:
            np.testing.assert_allclose(one[name], other[name], 1e-4, 1e-5)


def test_heavy_models_run_in_onnxruntime_and_in_numpy_where_it_is_missing(
    model: Model, data: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = graph_of(model)
    assert run_sync(tap_task(graph, ["c1"])).program is None
    monkeypatch.setattr("playground.ptq.capture.HEAVY", 100)
    assert run_sync(tap_task(graph, ["c1", "w1", "x"])).program is not None
    (values,) = run_sync(captured(graph, [data], ["c1", "w1", "x"], Progress(0, 1)))
    assert np.array_equal(values["w1"], graph.initializers["w1"].numpy())
    assert np.array_equal(values["x"], data["x"])

    async def missing(*args: Any, **others: Any) -> Any:
        raise MissingError("onnxruntime is not installed")

    monkeypatch.setattr("playground.host.ort_session", missing)
    assert run_sync(tap_task(graph, ["c1"])).program is None
    monkeypatch.setattr("playground.engines.interpreter.unsupported", lambda graph: ("Softmax",))
    with pytest.raises(MissingError):
        run_sync(tap_task(graph, ["c1"]))


def test_fused_operators_do_not_hide_what_flows_between_them(model: Model, data: dict[str, np.ndarray]) -> None:
    """ONNX Runtime fuses Conv and Relu where it may; here it has to give both results."""
    graph = graph_of(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("playground.ptq.capture.HEAVY", 0)
        (values,) = run_sync(captured(graph, [data], ["c1", "r1"], Progress(0, 1)))
    assert np.array_equal(np.maximum(values["c1"], 0), values["r1"])
    assert values["c1"].min() < 0
