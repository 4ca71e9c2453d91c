from typing import Any

import numpy as np
import pytest

from playground.core import Scheme
from playground.errors import InvalidInputError
from playground.model.graph import Graph, Model, ValueInfo
from playground.ptq.activations import BATCH, GENERATED, batches_of, captured, generated_feeds, ranges_work
from playground.work import Progress, drain


def graph_of(model: Model, **changes: Any) -> Graph:
    assert model.graph is not None
    return model.graph.with_(**changes)


def inputs(*shape: int | str | None, dtype: str = "float32") -> dict[str, Any]:
    return {"inputs": (ValueInfo("x", dtype, shape),)}


def test_open_batches(model: Model, data: dict[str, np.ndarray]) -> None:
    cut = batches_of(graph_of(model), data)
    assert [len(feeds["x"]) for feeds in cut.batches] == [BATCH, 50 - BATCH]
    assert (cut.samples, cut.left_out, cut.generated) == (50, 0, False)
    assert np.array_equal(np.concatenate([feeds["x"] for feeds in cut.batches]), data["x"])


def test_fixed_batches_leave_a_rest(model: Model, data: dict[str, np.ndarray]) -> None:
    cut = batches_of(graph_of(model, **inputs(8, 2, 6, 6)), data)
    assert [len(feeds["x"]) for feeds in cut.batches] == [8] * 6
    assert (cut.samples, cut.left_out) == (48, 2)


def test_made_up_data_is_the_same_every_time(model: Model) -> None:
    cut = batches_of(graph_of(model), None)
    assert cut.generated
    assert cut.batches[0]["x"].shape == (GENERATED, 2, 6, 6)
    assert np.array_equal(generated_feeds(graph_of(model))["x"], cut.batches[0]["x"])
    tokens = generated_feeds(graph_of(model, **inputs("n", 7, dtype="int64")))["x"]
    assert (tokens.dtype, tokens.shape, tokens.min(), tokens.max()) == (np.int64, (GENERATED, 7), 0, 1)


@pytest.mark.parametrize("shape", [("n", "length"), ("n", None, 3), None])
def test_open_sizes_cannot_be_made_up(model: Model, shape: Any) -> None:
    changes = {"inputs": (ValueInfo("x", "float32", shape),)}
    with pytest.raises(InvalidInputError, match=r"input 'x': its size is open.*Give calibration data"):
        batches_of(graph_of(model, **changes), None)


def test_data_that_does_not_fit(model: Model) -> None:
    with pytest.raises(InvalidInputError, match="0 samples, and at least one"):
        batches_of(graph_of(model), {"x": np.zeros((0, 2, 6, 6))})
    with pytest.raises(InvalidInputError, match="3 samples, and the model takes 8 at once"):
        batches_of(graph_of(model, **inputs(8, 2, 6, 6)), {"x": np.zeros((3, 2, 6, 6))})
    with pytest.raises(InvalidInputError, match="different numbers of samples"):
        batches_of(graph_of(model), {"x": np.zeros((3, 2, 6, 6)), "z": np.zeros(4)})
    with pytest.raises(InvalidInputError, match="no input 'q'"):
        batches_of(graph_of(model), {"q": np.zeros((3, 2, 6, 6))})
    with pytest.raises(InvalidInputError, match=r"\[3, 2, 5, 6\]"):
        batches_of(graph_of(model), {"x": np.zeros((3, 2, 5, 6))})


def test_both_engines_capture_the_same(
    model: Model, data: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, step, names = graph_of(model), Progress(1, 2, "now"), ["x", "c1", "p", "z"]
    batches = batches_of(graph, data).batches
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
    cut = batches_of(graph, data)
    found = drain(ranges_work(graph, cut, ["x", "r1"], Scheme("uint8", symmetric=False)))
    assert not found.unusable
    assert found.found["x"].lo.item() == data["x"].min()
    assert found.found["x"].hi.item() == data["x"].max()
    assert found.found["r1"].lo.item() == 0


def test_values_without_a_range_are_named(model: Model) -> None:
    x = np.zeros((40, 2, 6, 6), np.float32)
    x[35, 0, 0, 0] = np.nan
    graph = graph_of(model)
    found = drain(ranges_work(graph, batches_of(graph, {"x": x}), ["x", "c1"], Scheme()))
    assert found.found == {}
    assert found.unusable["x"] == "1 of its 576 values are NaN or infinite"
    assert set(found.unusable) == {"x", "c1"}
