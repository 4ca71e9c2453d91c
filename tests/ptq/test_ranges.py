import numpy as np

from playground.engines.batch_axes import batch_axes
from playground.model.graph import Graph, Model
from playground.ptq.calibration_data import BATCH, CalibrationData, calibration_data
from playground.ptq.ranges import batch_size, ranges_task
from playground.quantization import Scheme
from playground.tasks import run_sync


def graph_of(model: Model) -> Graph:
    assert model.graph is not None
    return model.graph


def test_batches_fit_into_memory() -> None:
    assert batch_size({"a": np.zeros(10, np.float32)}) == BATCH
    assert batch_size({"a": np.zeros((3, 2**20), np.float32), "b": np.zeros(2**20, np.float32)}) == 4
    assert batch_size({"a": np.broadcast_to(np.float32(0), (2**30,))}) == 1


def test_ranges_are_those_of_all_batches(model: Model, data: dict[str, np.ndarray]) -> None:
    graph = graph_of(model)
    scheme = Scheme("uint8", symmetric=False)
    found = run_sync(ranges_task(graph, calibration_data(graph, data), BATCH, {"x": scheme, "r1": scheme}))
    assert found.samples == 50
    assert found.histograms["x"].counts.sum() == data["x"].size
    assert (found.histograms["x"].lo, found.histograms["x"].hi) == (data["x"].min(), data["x"].max())
    assert not found.unusable
    assert found.found["x"].lo.item() == data["x"].min()
    assert found.found["x"].hi.item() == data["x"].max()
    assert found.found["r1"].lo.item() == 0


def test_values_without_a_range_are_named(model: Model) -> None:
    x = np.zeros((40, 2, 6, 6), np.float32)
    x[35, 0, 0, 0] = np.nan
    graph = graph_of(model)
    found = run_sync(
        ranges_task(graph, CalibrationData({"x": x}, 40, batch_axes(graph)), BATCH, {"x": Scheme(), "c1": Scheme()})
    )
    assert found.found == {}
    assert found.unusable["x"] == "1 of its 576 values are NaN or infinite"
    assert set(found.unusable) == {"x", "c1"}
    assert found.faulty_outputs == {"z": "5 of its 40 values are NaN or infinite"}
