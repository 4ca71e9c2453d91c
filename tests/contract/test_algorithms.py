"""Every algorithm: on the gallery's nets and on made ones, by way of a recipe, with ONNX Runtime as the judge."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import onnx
import pytest

from playground import Scheme, gallery, quantize_model
from playground.engines.run import run
from playground.errors import PlaygroundError
from playground.model.graph import Model
from playground.model.recipe import AlgorithmCall, Recipe
from playground.ptq.algorithms import algorithms
from playground.ptq.algorithms._algorithm import STAGES
from playground.ptq.pipeline import QuantizedModel, quantize_model_task
from tests.ptq.nets import attention_block, conv_net, model_of

IDS = tuple(algorithms())
MOST_CALLS = 8_000
"""A step's, of functions."""
CALIBRATION = {name: gallery.calibration(name) for name in ("digits-mlp", "digits-convnet")}


def recipe(
    ids: tuple[str, ...],
    fmt: str = "int4",
    granularity: str = "channel",
    activations: str = "weight_only",
) -> Recipe:
    calls = tuple(AlgorithmCall(name) for name in ids)
    return Recipe(weights=Scheme(fmt, granularity=granularity), activations=activations, algorithms=calls)


def test_the_list_is_the_one_that_is_documented() -> None:
    assert set(IDS) == {
        "adaround", "awq", "bias_correction", "equalize", "gptq", "hadamard", "hqq", "importance", "magnitude_pruning",
        "smoothquant", "structured_pruning",
    }  # fmt: skip
    for name, algorithm in algorithms().items():
        assert algorithm.id == name
        assert algorithm.stage in STAGES
        assert "20" in algorithm.source or "llama.cpp" in algorithm.source
        assert algorithm.summary.endswith(".")
        for parameter in algorithm.parameters:
            assert parameter.minimum <= parameter.default <= parameter.maximum


def judged(made: QuantizedModel, data: dict[str, np.ndarray], output: str) -> np.ndarray:
    """ONNX Runtime's answer to the written file."""
    return run(made.onnx, data, "onnxruntime")[output]


@pytest.mark.parametrize("activations", ["weight_only", "static"])
@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("model_id", list(CALIBRATION))
def test_the_file_is_sound(model_id: str, name: str, activations: str) -> None:
    model, data = gallery.open_model(model_id), CALIBRATION[model_id]
    made = quantize_model(model, recipe((name,), "int8", activations=activations), data)
    onnx.checker.check_model(made.onnx)
    found = judged(made, data, "logits")
    reference = run(model, data, "reference")["logits"]
    if "pruning" not in name:  # pruning changes answers by itself
        assert np.mean((found - reference) ** 2) < 0.01 * np.mean(reference**2)
    ours = run(made.model, data, "reference")["logits"]
    np.testing.assert_allclose(ours, found, atol=0.05 * np.abs(found).max(), rtol=0)
    (told,) = made.report.algorithms
    assert told.id == name
    assert set(told.before) == set(told.after)
    assert told.before or told.notes
    assert all(reason for reason in told.skipped.values())


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("make", [conv_net, attention_block])
def test_nets_made_here(make: object, name: str) -> None:
    graph, data = make(1)  # type: ignore[operator]
    model = model_of(graph)
    # The block's outliers are more than static activations bear, but for SmoothQuant
    activations = "static" if make is conv_net or name == "smoothquant" else "weight_only"
    made = quantize_model(model, recipe((name,), "int8", activations=activations), data)
    onnx.checker.check_model(made.onnx)
    reference = run(model, data, "reference")["y"]
    found = judged(made, data, "y")
    assert found.shape == reference.shape
    if "pruning" not in name:
        assert np.mean((found - reference) ** 2) < 0.05 * np.mean(reference**2)


BETTER = [
    # model, algorithms, format, granularity, how much of round-to-nearest's output error may be left
    ("digits-mlp", ("gptq",), "int4", "channel", 0.25),
    ("digits-mlp", ("gptq",), "int3", "channel", 0.25),
    ("digits-mlp", ("adaround",), "int3", "channel", 0.5),
    ("digits-mlp", ("awq",), "int3", "channel", 0.9),
    ("digits-mlp", ("importance",), "int4", "tensor", 0.2),
    ("digits-mlp", ("hqq",), "int4", "tensor", 0.2),
    ("digits-mlp", ("equalize",), "int4", "tensor", 0.2),
    ("digits-mlp", ("bias_correction",), "int3", "channel", 0.7),
    ("digits-convnet", ("gptq",), "int4", "channel", 0.9),
    ("digits-convnet", ("gptq",), "int3", "channel", 0.5),
    ("digits-convnet", ("adaround",), "int4", "channel", 0.6),
    ("digits-convnet", ("adaround",), "int3", "channel", 0.5),
    ("digits-convnet", ("importance",), "int3", "channel", 0.8),
    ("digits-convnet", ("hqq",), "int3", "channel", 0.85),
    ("digits-convnet", ("awq",), "int4", "tensor", 0.5),
    ("digits-convnet", ("equalize",), "int4", "tensor", 0.3),
    ("digits-convnet", ("bias_correction",), "int3", "channel", 0.6),
    ("digits-convnet", ("equalize", "bias_correction"), "int4", "tensor", 0.15),
    ("digits-convnet", ("awq", "gptq", "bias_correction"), "int3", "channel", 0.4),
]


def held_out_error(made: QuantizedModel, model: Model) -> float:
    digits = {"image": gallery.digits().images}
    reference = run(model, digits, "reference")["logits"]
    return float(np.mean((judged(made, digits, "logits") - reference) ** 2))


@pytest.mark.slow
@pytest.mark.parametrize(("model_id", "ids", "fmt", "granularity", "left"), BETTER)
def test_outputs_on_held_out_digits_err_less(
    model_id: str, ids: tuple[str, ...], fmt: str, granularity: str, left: float
) -> None:
    model, data = gallery.open_model(model_id), CALIBRATION[model_id]
    nearest = held_out_error(quantize_model(model, recipe((), fmt, granularity), data), model)
    treated = recipe(ids, fmt, granularity)
    found = held_out_error(quantize_model(model, treated, data), model)
    assert found < left * nearest


@pytest.mark.parametrize("name", [name for name in IDS if algorithms()[name].needs_data])
def test_those_that_need_data_say_so(name: str) -> None:
    with pytest.raises(PlaygroundError, match="calibration data"):
        quantize_model(gallery.open_model("digits-mlp"), recipe((name,)))


@pytest.mark.slow
@pytest.mark.parametrize("name", IDS)
def test_steps_are_short_and_work_can_be_given_up(name: str) -> None:
    """In calls of functions, which do not depend on how busy the machine is; the nets are small, so each is short."""
    graph, data = conv_net()
    for _ in range(2):  # at first, modules are still imported
        calls = calls_of_steps(
            quantize_model_task(model_of(graph), recipe((name,), activations="static"), data, verify=False)
        )
    assert len(calls) > 30
    assert max(calls) < MOST_CALLS
    given_up = quantize_model_task(model_of(graph), recipe((name,)), data, verify=False)
    for _ in range(30):
        next(given_up, None)
    given_up.close()


def calls_of_steps(task: Iterator[object]) -> list[int]:
    """How many functions each step called, Python's and C's."""
    count, counts = 0, []

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        for _ in task:
            counts.append(count)
            count = 0
    finally:
        sys.setprofile(None)
    return [*counts, count]
