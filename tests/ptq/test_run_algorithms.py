"""Algorithms are called in their stages, get what they need, and what they tell is in the report."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from playground.api import quantize
from playground.errors import InvalidInputError
from playground.model.graph import Model
from playground.model.recipe import AlgorithmCall, Recipe
from playground.ptq import algorithms as algorithm_registry
from playground.ptq.algorithms._algorithm import Algorithm, Context, Outcome, Parameter
from playground.ptq.pipeline import quantize_model
from playground.quantization import Range, Scheme
from playground.tasks import Task

Data = dict[str, np.ndarray]
SEEN: list[Context] = []


def double(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    """Multiplies the first weight and divides the second: not the same net, which is the point."""
    SEEN.append(context)
    yield from ()
    graph = context.graph.with_constants({"w1": context.values("w1") * np.float32(parameters["factor"])})
    return Outcome(graph, before={"largest": 1.0}, after={"largest": 2.0}, notes=("doubled",))


def coarse(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    """Clips one weight to a tenth of its range."""
    SEEN.append(context)
    seen: list[float] = []
    batches = yield from context.stream(["x", "r1", "w3"], lambda values: seen.append(values["r1"].max()))
    values, scheme = context.values("w3"), context.open_weights()["w3"]
    reach = np.float32(np.abs(values).max() / 10)
    made = quantize(values, scheme, Range(-reach, reach))
    told = {"w3": {"batches": (0.0, float(batches)), "largest": (0.0, max(seen))}}
    return Outcome(weights={"w3": made}, tensors=told, skipped={"w1": "not now"})


def shift(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    """Adds one to a bias, having looked at the quantized weights."""
    SEEN.append(context)
    yield from ()
    dequantized = context.fake_quantized().initializers["w3"].numpy()
    assert np.array_equal(dequantized, context.weights["w3"].dequantize())
    return Outcome(context.graph.with_constants({"b3": context.values("b3") + 1}))


ALGORITHMS = {
    "double": Algorithm(
        "double", "Double", "", "", "graph", double, (Parameter("factor", 2.0, 0.5, 4.0, False, "How much."),)
    ),
    "coarse": Algorithm("coarse", "Coarse", "", "", "weights", coarse, needs_data=True),
    "shift": Algorithm("shift", "Shift", "", "", "after", shift),
}


@pytest.fixture(autouse=True)
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    SEEN.clear()
    monkeypatch.setattr(algorithm_registry, "algorithms", lambda: ALGORITHMS)


def recipe(*names: str, **fields: Any) -> Recipe:
    return Recipe(algorithms=tuple(AlgorithmCall(name) for name in names), **fields)


def test_stages_and_what_they_change(model: Model, data: Data) -> None:
    plain = quantize_model(model, None, data)
    made = quantize_model(model, recipe("shift", "coarse", "double"), data)
    assert [applied.id for applied in made.report.algorithms] == ["double", "coarse", "shift"]
    before, during, after = SEEN
    assert (dict(before.ranges), dict(before.weights)) == ({}, {})
    assert before.graph is model.graph
    assert model.graph is not None
    assert np.array_equal(during.values("w1"), 2 * model.graph.initializers["w1"].numpy())
    assert set(during.ranges) == {"x", "r1", "c2", "a", "y"}
    assert list(during.open_weights()) == list(during.products()) == ["w1", "w2", "w3"]
    assert list(after.weights) == ["w1", "w2", "w3"]
    assert after.open_weights() == {}
    codes = made.quantization.weights
    assert np.array_equal(codes["w1"].codes, plain.quantization.weights["w1"].codes), "twice the scale, the same codes"
    assert np.mean(np.abs(codes["w3"].codes.astype(int)) >= 127) > 0.5
    ranges = {a.name: a.hi for a in made.report.activations}
    assert ranges["r1"] > 1.5 * {a.name: a.hi for a in plain.report.activations}["r1"]
    bias = made.model.tensors["b3_quantized"].numpy() * made.model.tensors["b3_quantized_scale"].numpy()
    np.testing.assert_allclose(bias, model.graph.initializers["b3"].numpy() + 1, atol=1e-3)
    assert made.source is not None
    assert np.array_equal(made.source.initializers["b3"].numpy(), model.graph.initializers["b3"].numpy() + 1)


def test_what_they_tell_is_in_the_report(model: Model, data: Data) -> None:
    report = quantize_model(model, recipe("coarse", "double"), data).report
    double, coarse = report.algorithms
    assert (double.parameters, double.before, double.after) == ({"factor": 2.0}, {"largest": 1.0}, {"largest": 2.0})
    assert double.notes == ("doubled",)
    assert coarse.skipped == {"w1": "not now"}
    assert coarse.tensors["w3"]["batches"] == (0.0, 2.0)
    assert coarse.tensors["w3"]["largest"][1] == pytest.approx(report.activations[1].hi)
    assert report.as_dict()["algorithms"][1]["id"] == "coarse"


def test_parameters(model: Model, data: Data) -> None:
    given = Recipe(algorithms=(AlgorithmCall("double", {"factor": 3}),))
    assert quantize_model(model, given, data).report.algorithms[0].parameters == {"factor": 3}
    for parameters, words in (({"factor": 5}, "from 0.5 to 4"), ({"amount": 1}, "double has no parameter 'amount'")):
        with pytest.raises(InvalidInputError, match=words):
            quantize_model(model, Recipe(algorithms=(AlgorithmCall("double", parameters),)), data)


def test_data_where_it_is_needed(model: Model, data: Data) -> None:
    with pytest.raises(InvalidInputError, match="'coarse': the algorithm needs calibration data"):
        quantize_model(model, recipe("coarse", activations="weight_only"))
    made = quantize_model(model, recipe("coarse", "double", "shift", activations="weight_only"), data)
    assert len(made.report.algorithms) == 3
    assert made.report.calibration_samples == 0


def test_what_does_not_fit_is_refused(model: Model, data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
        yield from ()
        return Outcome(weights={"w3": quantize(context.values("w3"), Scheme("int4"))})

    monkeypatch.setitem(ALGORITHMS, "coarse", replace(ALGORITHMS["coarse"], apply=wrong))
    with pytest.raises(
        InvalidInputError, match="algorithm 'coarse': the algorithm returned 'w3' in another shape or format"
    ):
        quantize_model(model, recipe("coarse"), data)


def test_a_stage_that_nobody_calls_is_refused() -> None:
    with pytest.raises(ValueError, match="'prepare' is not a stage of algorithms: graph, weights, after"):
        Algorithm(id="a", name="A", summary="", source="", stage="prepare", apply=double)
