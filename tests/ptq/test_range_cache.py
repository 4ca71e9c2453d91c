"""Calibration from generators in bounded memory; ranges that are kept and found again; overrides of activations."""

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from playground.errors import InvalidInputError
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.onnx_proto import ModelProto
from playground.model.recipe import CalibrationSettings, Override, Recipe
from playground.ptq.calibration_data import calibration_data
from playground.ptq.pipeline import quantize_model, quantize_model_task
from playground.ptq.range_cache import FolderCache, as_json, from_json, key_of
from playground.ptq.ranges import ranges_task
from playground.quantization import Scheme
from playground.tasks import run_sync

Data = dict[str, np.ndarray]


def parts(data: Data, *sizes: int) -> list[Data]:
    found, at = [], 0
    for size in sizes:
        found.append({"x": data["x"][at : at + size]})
        at += size
    return found


def besides_the_recipe(file: bytes) -> bytes:
    """A file without its metadata, which say by which recipe it was made."""
    proto = ModelProto.FromString(file)
    del proto.metadata_props[:]
    return bytes(proto.SerializeToString(deterministic=True))


def test_streams_give_the_ranges_of_the_whole(model: Model, data: Data) -> None:
    whole = quantize_model(model, None, data)
    batches = parts(data, 7, 1, 40, 2)
    assert quantize_model(model, None, batches).onnx == whole.onnx
    assert quantize_model(model, None, lambda: iter(batches)).onnx == whole.onnx
    assert quantize_model(model, None, lambda: iter(batches)).report.calibration_samples == 50


def test_limits(model: Model, data: Data) -> None:
    recipe = Recipe(calibration=CalibrationSettings(samples=9, batch=4))
    first = quantize_model(model, None, {"x": data["x"][:9]})
    for given in (data, parts(data, 7, 43)):
        made = quantize_model(model, recipe, given)
        assert made.report.calibration_samples == 9
        assert besides_the_recipe(made.onnx) == besides_the_recipe(first.onnx)
    assert model.graph is not None
    sizes = [len(feeds["x"]) for feeds in calibration_data(model.graph, parts(data, 7, 43), 9).batches(4)]
    assert sizes == [4, 3, 2]


def test_a_fault_late_in_a_stream_is_told(model: Model, data: Data) -> None:
    batches = [*parts(data, 7, 1), {"x": np.zeros((2, 3))}]
    with pytest.raises(InvalidInputError, match=r"calibration: input 'x': shape \[2, 3\] does not fit"):
        quantize_model(model, None, batches)


def test_memory_is_that_of_one_batch() -> None:
    """Forty batches of 4 MB go by; what is held never comes near their sum."""
    size, count = 2**20, 40
    held = {"w": Tensor.of("w", np.ones((1, 1), np.float32))}
    nodes = (Node("Mul", "mul", ("x", "w"), ("y",)),)
    graph = Graph("net", (ValueInfo("x", "float32", ("n", size)),), (ValueInfo("y", "float32", None),), nodes, held, 17)

    def batches() -> Iterator[Data]:
        for number in range(count):
            yield {"x": np.full((1, size), number, np.float32)}

    data = calibration_data(graph, batches)
    scheme = Scheme("uint8", symmetric=False)
    tracemalloc.start()
    found = run_sync(ranges_task(graph, data, 4, {"x": scheme, "y": scheme}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.samples, found.found["y"].hi.item()) == (count, count - 1)
    assert peak < 10 * 4 * size, f"{peak / 2**20:.0f} MB"


def test_ranges_are_found_again(model: Model, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = FolderCache(tmp_path / "ranges")
    first = quantize_model(model, None, data, cache=cache)
    assert len(cache) == 1
    monkeypatch.setattr(
        "playground.ptq.calibrated_placement.ranges_task", lambda *args: pytest.fail("it calibrated again")
    )
    again = quantize_model(model, None, data, cache=cache)
    assert again.onnx == first.onnx
    assert again.report == first.report
    assert again.histograms["x"].counts.tolist() == first.histograms["x"].counts.tolist()


@pytest.mark.parametrize("what", ["data", "calibrator", "weights", "batch"])
def test_other_ranges_are_not_taken(model: Model, changed: object, data: Data, what: str) -> None:
    cache: dict[str, str] = {}
    quantize_model(model, None, data, cache=cache)
    recipe, other = Recipe(), model
    if what == "data":
        data = {"x": data["x"] * np.float32(2)}
    elif what == "calibrator":
        recipe = Recipe(activation_scheme=Scheme("uint8", symmetric=False, calibrator="mse"))
    elif what == "weights":
        other = changed({"b3": np.ones(5, np.float32)})  # type: ignore[operator]
    else:
        recipe = Recipe(calibration=CalibrationSettings(batch=3))
    quantize_model(other, recipe, data, cache=cache)
    assert len(cache) == 2


def test_the_key_tells_along_which_axis_samples_lie_and_how_many_are_run_at_once() -> None:
    """The same numbers are other samples, or other batches, then."""
    x = np.arange(16, dtype=np.float32).reshape(4, 4)
    keys = set()
    for shape in ((4, 4), ("n", 4), (4, "n")):
        ends = (ValueInfo("x", "float32", shape),), (ValueInfo("y", "float32", shape),)
        graph = Graph("net", *ends, (Node("Relu", "relu", ("x",), ("y",)),), {}, 17)
        keys.add(key_of(graph, Recipe(), calibration_data(graph, {"x": x}), {}))
    assert len(keys) == 3


def test_a_damaged_entry_is_ignored(model: Model, data: Data) -> None:
    cache: dict[str, str] = {}
    first = quantize_model(model, None, data, cache=cache)
    (key,) = cache
    for text in ("{", "{}", '{"version": 99}', "[]"):
        cache[key] = text
        assert quantize_model(model, None, data, cache=cache).onnx == first.onnx
        assert json.loads(cache[key])["version"] == 1


def test_json_keeps_every_bit(model: Model, data: Data) -> None:
    assert model.graph is not None
    scheme = Scheme("uint8", symmetric=False)
    found = run_sync(ranges_task(model.graph, calibration_data(model.graph, data), 8, {"c1": scheme, "x": scheme}))
    back = from_json(as_json(found))
    for name, range_ in found.found.items():
        assert back.found[name].lo.dtype == np.float32
        assert np.array_equal(back.found[name].lo, range_.lo)
        assert np.array_equal(back.found[name].hi, range_.hi)


def test_work_that_is_dropped_leaves_nothing_behind(model: Model, data: Data) -> None:
    cache: dict[str, str] = {}
    work = quantize_model_task(model, None, data, cache)
    for _ in range(12):
        next(work)
    work.close()
    assert cache == {}


def test_overrides_of_activations_and_weights(model: Model, data: Data) -> None:
    recipe = Recipe(
        overrides=(
            Override("x", range=(-1, 1.55)),
            Override("r1", scale=(0.25,), zero_point=(3,)),
            Override("y", Scheme("int8")),
            Override("w3", Scheme("int4")),
            Override("w2", range=(-0.1, 0.1)),
            Override("w1", scale=(0.5,) * 4, zero_point=(0,) * 4),
        )
    )
    made = quantize_model(model, recipe, data)
    held = {name: tensor.numpy() for name, tensor in made.model.tensors.items()}
    assert (held["x_scale"], held["x_zero_point"]) == (np.float32(2.55 / 255), 100)
    assert (held["r1_scale"], held["r1_zero_point"]) == (np.float32(0.25), 3)
    assert (held["y_zero_point"].dtype, held["y_zero_point"]) == (np.int8, 0)
    assert (np.abs(held["w3_quantized"]).max(), held["w3_scale"].shape) == (7, ())
    assert np.mean(np.abs(held["w2_quantized"]) == 127) > 0.4
    assert held["w1_scale"].tolist() == [0.5] * 4
    skipped = quantize_model(model, Recipe(overrides=(Override("r1", skip=True),)), data).report
    assert {skip.reason for skip in skipped.skipped} >= {"the recipe's override leaves 'r1' in float"}
    assert [tensor.name for tensor in skipped.tensors] == ["w1", "w3"]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (Override("x", scale=(1.0, 2.0), zero_point=(0, 0)), "has 2 scales for 1 channel"),
        (Override("x", scale=(1.0,), zero_point=(-1,)), "a zero-point is not a valid uint8 code"),
        (Override("w1", scale=(1.0,), zero_point=(0,)), "has 1 scale for 4 channels"),
    ],
)
def test_overrides_that_do_not_fit(model: Model, data: Data, override: Override, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        quantize_model(model, Recipe(overrides=(override,)), data)
