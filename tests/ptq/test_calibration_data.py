from typing import Any

import numpy as np
import pytest

from playground.errors import InvalidInputError
from playground.model.graph import Graph, Model, ValueInfo
from playground.ptq.calibration_data import BATCH, GENERATED, calibration_data


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


def test_fixed_batches_leave_a_rest(model: Model, data: dict[str, np.ndarray]) -> None:
    given = calibration_data(graph_of(model, **inputs(8, 2, 6, 6)), data)
    assert [len(feeds["x"]) for feeds in given.batches(1)] == [8] * 6
    assert (given.samples, given.left_out) == (48, 2)


def test_made_up_data_is_the_same_every_time(model: Model) -> None:
    given = calibration_data(graph_of(model), None)
    assert given.generated
    assert given.feeds["x"].shape == (GENERATED, 2, 6, 6)
    assert np.array_equal(calibration_data(graph_of(model), None).feeds["x"], given.feeds["x"])
    fixed = calibration_data(graph_of(model, **inputs(3, 2, 6, 6)), None)
    assert (fixed.samples, fixed.first()["x"].shape) == (9, (3, 2, 6, 6))
    tokens = calibration_data(graph_of(model, **inputs("n", 7, dtype="int64")), None).feeds["x"]
    assert (tokens.dtype, tokens.shape, tokens.min(), tokens.max()) == (np.int64, (GENERATED, 7), 0, 1)


@pytest.mark.parametrize("shape", [("n", "length"), ("n", None, 3), None])
def test_open_sizes_cannot_be_made_up(model: Model, shape: Any) -> None:
    changes = {"inputs": (ValueInfo("x", "float32", shape),)}
    with pytest.raises(InvalidInputError, match=r"input 'x': the input has an open size.*Give calibration data"):
        calibration_data(graph_of(model, **changes), None)


def test_data_that_does_not_fit(model: Model) -> None:
    with pytest.raises(InvalidInputError, match=r"0 samples\. Give more"):
        calibration_data(graph_of(model), {"x": np.zeros((0, 2, 6, 6))})
    with pytest.raises(InvalidInputError, match="3 samples; the model takes 8 at once"):
        calibration_data(graph_of(model, **inputs(8, 2, 6, 6)), {"x": np.zeros((3, 2, 6, 6))})
    with pytest.raises(InvalidInputError, match="different numbers of samples"):
        both = (ValueInfo("x", "float32", ("n", 2)), ValueInfo("z", "float32", ("n",)))
        calibration_data(graph_of(model, inputs=both), {"x": np.zeros((3, 2)), "z": np.zeros(4)})
