"""Measured choices and fronts against models quantized by the recipes that come out."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from playground import gallery
from playground.analysis.accuracy import score
from playground.analysis.mixed_precision import mixed_precision
from playground.analysis.precision_front import MixedPrecision, recipe_with, undominated
from playground.api import quantize
from playground.engines.interpreter import run_graph
from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Model
from playground.model.recipe import Override, Recipe, Rule
from playground.ptq.pipeline import QuantizedModel, quantize_model
from playground.quantization import Scheme

Data = dict[str, np.ndarray]
DIGITS = gallery.digits()
FEEDS = {"image": DIGITS.images}


def searched(model_id: str, granularity: str) -> MixedPrecision:
    model = gallery.open_model(model_id)
    recipe = Recipe(weights=Scheme("int8", granularity))
    quantized = quantize_model(model, recipe, gallery.calibration(model_id))
    return mixed_precision(quantized, FEEDS, DIGITS.labels)


@pytest.fixture(scope="module")
def found() -> MixedPrecision:
    return searched("digits-convnet", "tensor")


@pytest.mark.slow
def test_costs_are_errors_of_models_with_one_weight_replaced(found: MixedPrecision, convnet: Model) -> None:
    original = softmax(run_graph(convnet.graph, FEEDS)["logits"].astype(np.float64), axis=1)
    for choice in found.choices[::2]:
        for option in choice.options[::2]:
            values = quantize(convnet.tensors[choice.weight].numpy(), Scheme(option.format))
            output = run_graph(convnet.graph, FEEDS, overrides={choice.weight: values.dequantize()})["logits"]
            error = entropy(original, softmax(output.astype(np.float64), axis=1), axis=1).mean()
            assert option.cost == pytest.approx(error, rel=1e-4)
            assert option.bytes == values.nbytes + 1, "a file has the zero-point, too"


def test_the_front_is_exact(found: MixedPrecision) -> None:
    """Every one of the 6^6 combinations."""
    sizes = [np.asarray([o.bytes for o in c.options]) for c in found.choices]
    costs = [np.asarray([o.cost for o in c.options]) for c in found.choices]
    grid = list(itertools.product(*(range(len(s)) for s in sizes)))
    picks = np.asarray(grid)
    total = sum(s[picks[:, at]] for at, s in enumerate(sizes))
    cost = sum(c[picks[:, at]] for at, c in enumerate(costs))
    for budget in (2500, 3000, 3700, 4500, 6000):
        at = found.front.within_bytes(budget)
        assert found.front.costs[at] == pytest.approx(cost[total <= budget].min(), rel=1e-12)
        assert found.front.bytes[at] <= budget


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model_id", "granularity"),
    [("digits-convnet", "tensor"), ("digits-convnet", "channel"), ("digits-mlp", "tensor")],
)
def test_the_front_dominates_uniform_widths(model_id: str, granularity: str) -> None:
    """At the size of every uniform width a point that is no larger has less error: less than 0.7 of it on the convnet.

    The perceptron has three layers, one of them with nearly all its weights: little to choose, so nothing is lost.
    """
    result = searched(model_id, granularity)
    for uniform in result.uniform[1:-1]:  # at the ends there is nothing to choose
        fitting = [point for point in result.points if point.bytes <= uniform.bytes]
        best = min(point.measured.distance for point in fitting)
        assert best <= (0.7 if model_id == "digits-convnet" else 1.02) * uniform.measured.distance
    whole, smallest = result.uniform[-1], result.uniform[0]
    assert (whole.uniform, smallest.uniform) == ("int8", "int2")


def test_half_the_bytes_of_int8_at_no_loss_of_accuracy(found: MixedPrecision) -> None:
    """Uniform int4 answers half of the digits right, uniform int5 95 %."""
    whole, four = found.uniform[-1], next(p for p in found.uniform if p.uniform == "int4")
    assert four.measured.accuracy < 0.6
    best = max((p for p in found.points if p.bytes <= 0.65 * whole.bytes), key=lambda p: p.bytes)
    assert best.measured.accuracy > whole.measured.accuracy - 0.02


def test_predictions_hold_where_errors_are_small(found: MixedPrecision) -> None:
    small = [p for p in found.points if 0.0005 < p.predicted < 0.02]
    assert len(small) >= 4
    for point in small:
        assert 0.4 < point.measured.distance / point.predicted < 2


def test_a_point_is_the_model_that_its_recipe_makes(found: MixedPrecision, convnet: Model) -> None:
    point = next(p for p in found.points if 0.01 < p.predicted < 0.1)
    made = quantize_model(convnet, point.recipe, gallery.calibration("digits-convnet"))
    assert {t.name: t.scheme["format"] for t in made.report.tensors} == point.formats
    assert made.report.bytes_after == pytest.approx(point.bytes, abs=0)
    wanted = score(run_graph(made.model.graph, FEEDS)["logits"], DIGITS.labels)
    assert point.measured.accuracy == pytest.approx(wanted.accuracy, abs=2 / 360)
    assert point.measured.cross_entropy == pytest.approx(wanted.cross_entropy, rel=0.05)


def test_budgets_become_recipes(found: MixedPrecision, convnet: Model) -> None:
    data = gallery.calibration("digits-convnet")
    budget = found.uniform[2].bytes
    for recipe in (found.within_bytes(budget), found.greedy(budget)):
        assert quantize_model(convnet, recipe, data).report.bytes_after <= budget
    careful, daring = (quantize_model(convnet, found.within_error(e), data).report.bytes_after for e in (0.005, 0.2))
    assert daring < careful
    smallest = found.uniform[0].bytes
    for choose in (found.within_bytes, found.greedy):
        assert quantize_model(convnet, choose(smallest), data).report.bytes_after == smallest
        with pytest.raises(InvalidInputError, match=f"budget of {smallest - 1} bytes: .* takes {smallest} bytes"):
            choose(smallest - 1)


def test_without_labels_and_with_other_layers(net: Model, net_data: Data, net_quantized: QuantizedModel) -> None:
    result = mixed_precision(net_quantized, net_data, widths=(8, 4, 2))
    assert [choice.node for choice in result.choices] == ["conv1", "conv2", "fc"]
    assert result.points[0].measured.cross_entropy is None
    errors = [point.measured.relative_error for point in result.points]
    assert errors[0] > 5 * errors[-1]
    assert result.points[-1].formats == {"w1": "int8", "w2": "int8", "w3": "int8"}


def test_only_what_is_named_changes() -> None:
    base = Recipe(
        (Rule("w*"), Rule("b", Scheme("int5"))), overrides=(Override("b", range=(0, 1)), Override("x", skip=True))
    )
    recipe = recipe_with(base, {"w[0]*": Scheme("int3"), "b": Scheme("int4")})
    assert recipe.scheme_for("b") == Scheme("int4")
    assert recipe.override_for("b") == Override("b", Scheme("int4"))
    assert recipe.scheme_for("w[0]*") == Scheme("int3")
    assert recipe.scheme_for("w0") is None
    assert recipe.rules == base.rules
    assert recipe.override_for("x") == Override("x", skip=True)
    again = recipe_with(recipe, {"b": Scheme("int2")})
    assert [o.tensor for o in again.overrides] == ["x", "w[0]*", "b"]


RULED = {
    "by operator": Recipe((Rule("*", Scheme("int8"), op="Conv"),), Scheme("int8", "channel")),
    "by node": Recipe((Rule("conv1", Scheme("int8")),), Scheme("int8", "channel")),
    "by shape": Recipe((Rule("w*", Scheme("uint8", symmetric=False), shape=(4, 1, 3, 3)),), Scheme("int8", "channel")),
    "by override": Recipe(overrides=(Override("w1", Scheme("int8")), Override("w2", range=(-0.1, 0.1)))),
}


@pytest.mark.parametrize("recipe", RULED.values(), ids=list(RULED))
def test_a_recipe_with_rules_of_its_own_keeps_them(net: Model, net_data: Data, recipe: Recipe) -> None:
    """What was measured is what the point's recipe makes: the rules' schemes, in the point's formats."""
    quantized = quantize_model(net, recipe, net_data)
    held = {name: weight.scheme for name, weight in quantized.quantization.weights.items()}
    result = mixed_precision(quantized, net_data, widths=(8, 4, 2))
    for point in (result.points[0], result.points[len(result.points) // 2]):
        made = quantize_model(net, point.recipe, net_data)
        schemes = {name: weight.scheme for name, weight in made.quantization.weights.items()}
        assert {name: scheme.format for name, scheme in schemes.items()} == point.formats
        assert all(replace(schemes[name], format=held[name].format) == held[name] for name in held)
        assert made.report.bytes_after == point.bytes


def test_what_another_point_is_better_than_in_both_is_not_on_the_front(found: MixedPrecision) -> None:
    point = found.points[0]
    near, far = (replace(point.measured, distance=distance) for distance in (0.1, 0.2))
    points = [replace(point, bytes=size, measured=measured) for size, measured in ((3, near), (1, far), (2, far))]
    assert [(p.bytes, p.measured) for p in undominated(points)] == [(1, far), (3, near)]
    assert all(point in found.points for point in undominated(found.points))


def test_plain_data(found: MixedPrecision) -> None:
    data = json.loads(json.dumps(found.as_dict()))
    assert Recipe.from_dict(data["points"][3]["recipe"]) == found.points[3].recipe


def test_nothing_to_choose(net: Model, net_data: Data) -> None:
    bare = quantize_model(net, Recipe((Rule("w*"),)), net_data)
    with pytest.raises(UnsupportedError, match="no quantized weights"):
        mixed_precision(bare, net_data)


def test_dynamic_activations_are_refused(net: Model, net_data: Data) -> None:
    """MatMulInteger and ConvInteger take weights of eight bits: other widths could not be written."""
    quantized = quantize_model(net, Recipe(activations="dynamic"))
    with pytest.raises(UnsupportedError, match="only weights of 8 bits"):
        mixed_precision(quantized, net_data)
