from typing import Any

import numpy as np
import pytest

from playground.core import Scheme
from playground.errors import InvalidInputError
from playground.model.graph import Graph, Model, ValueInfo
from playground.ptq.activations import (
    BATCH,
    GENERATED,
    batch_size,
    calibration_data,
    captured,
    generated_feeds,
    ranges_work,
)
from playground.work import Progress, drain


def graph_of(model: Model, **changes: Any) -> Graph:
    assert model.graph is not None
    return model.graph.with_(**changes)


def inputs(*shape: int | str | None, dtype: str = "float32") -> dict[str, Any]:
    return {"inputs": (ValueInfo("x", dtype, shape),)}


def test_open_batches(model: Model, data: dict[str, np.ndarray]) -> None:
    given = calibration_data(graph_of(model), data)
    assert [len(feeds["x"]) for feeds in given.batches(BATCH)] == [BATCH, 50 - BATCH]
    assert (given.samples, given.left_out, given.generated) == (50, 0, False)
    assert np.array_equal(np.concatenate([feeds["x"] for feeds in given.batches(7)]), data["x"])


def test_batches_fit_into_memory() -> None:
    assert batch_size({"a": np.zeros(10, np.float32)}) == BATCH
    assert batch_size({"a": np.zeros((3, 2**20), np.float32), "b": np.zeros(2**20, np.float32)}) == 4
    assert batch_size({"a": np.broadcast_to(np.float32(0), (2**30,))}) == 1


def test_fixed_batches_leave_a_rest(model: Model, data: dict[str, np.ndarray]) -> None:
    given = calibration_data(graph_of(model, **inputs(8, 2, 6, 6)), data)
    assert [len(feeds["x"]) for feeds in given.batches(1)] == [8] * 6
    assert (given.samples, given.left_out) == (48, 2)


def test_made_up_data_is_the_same_every_time(model: Model) -> None:
    given = calibration_data(graph_of(model), None)
    assert given.generated
    assert given.feeds["x"].shape == (GENERATED, 2, 6, 6)
    assert np.array_equal(generated_feeds(graph_of(model))["x"], given.feeds["x"])
    fixed = calibration_data(graph_of(model, **inputs(3, 2, 6, 6)), None)
    assert (fixed.samples, fixed.batches(1)[0]["x"].shape) == (3, (3, 2, 6, 6))
    tokens = generated_feeds(graph_of(model, **inputs("n", 7, dtype="int64")))["x"]
    assert (tokens.dtype, tokens.shape, tokens.min(), tokens.max()) == (np.int64, (GENERATED, 7), 0, 1)


@pytest.mark.parametrize("shape", [("n", "length"), ("n", None, 3), None])
def test_open_sizes_cannot_be_made_up(model: Model, shape: Any) -> None:
    changes = {"inputs": (ValueInfo("x", "float32", shape),)}
    with pytest.raises(InvalidInputError, match=r"input 'x': its size is open.*Give calibration data"):
        calibration_data(graph_of(model, **changes), None)


def test_data_that_does_not_fit(model: Model) -> None:
    with pytest.raises(InvalidInputError, match="0 samples, and at least one"):
        calibration_data(graph_of(model), {"x": np.zeros((0, 2, 6, 6))})
    with pytest.raises(InvalidInputError, match="3 samples, and the model takes 8 at once"):
        calibration_data(graph_of(model, **inputs(8, 2, 6, 6)), {"x": np.zeros((3, 2, 6, 6))})
    with pytest.raises(InvalidInputError, match="different numbers of samples"):
        calibration_data(graph_of(model), {"x": np.zeros((3, 2, 6, 6)), "z": np.zeros(4)})


def test_both_engines_capture_the_same(
    model: Model, data: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, step, names = graph_of(model), Progress(1, 2, "now"), ["x", "c1", "p", "z"]
    batches = calibration_data(graph, data).batches(BATCH)
    steps: list[Progress] = []
    ours = drain(captured(graph, batches, names, step), steps.append)
    monkeypatch.setattr("playground.engines.interpreter.unsupported", lambda graph: ("Softmax",))
    theirs = drain(captured(graph, batches, names, step), steps.append)
    assert set(steps) == {step}
    assert len(steps) == 2 * len(graph.nodes) + 2
    for one, other in zip(ours, theirs, strict=True):
        for name in names:
            np.testing.assert_allclose(one[name], other[name], 1e-4, 1e-5)


def test_ranges_are_those_of_all_batches(model: Model, data: dict[str, np.ndarray]) -> None:
    graph = graph_of(model)
    batches = calibration_data(graph, data).batches(BATCH)
    found = drain(ranges_work(graph, batches, ["x", "r1"], Scheme("uint8", symmetric=False)))
    assert not found.unusable
    assert found.found["x"].lo.item() == data["x"].min()
    assert found.found["x"].hi.item() == data["x"].max()
    assert found.found["r1"].lo.item() == 0


def test_values_without_a_range_are_named(model: Model) -> None:
    x = np.zeros((40, 2, 6, 6), np.float32)
    x[35, 0, 0, 0] = np.nan
    graph = graph_of(model)
    found = drain(ranges_work(graph, calibration_data(graph, {"x": x}).batches(BATCH), ["x", "c1"], Scheme()))
    assert found.found == {}
    assert found.unusable["x"] == "1 of its 576 values are NaN or infinite"
    assert set(found.unusable) == {"x", "c1"}
