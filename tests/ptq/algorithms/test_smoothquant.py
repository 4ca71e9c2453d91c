import numpy as np
import pytest

from playground import Scheme, quantize_model
from playground.engines.interpreter import run_graph
from playground.engines.run import run
from playground.model.recipe import AlgorithmCall, Recipe
from playground.ptq.algorithms.smoothquant import outlier_ratio, smoothing_factors
from tests.ptq.nets import answer, applied, attention_block, context_of, conv_net, model_of

STATIC = Recipe(weights=Scheme("int8"))


def test_half_way_both_sides_are_equally_hard() -> None:
    rng = np.random.default_rng(0)
    activations, weights = rng.exponential(size=50) * 10, rng.exponential(size=50)
    factors = smoothing_factors(activations, weights, 0.5)
    np.testing.assert_allclose(activations / factors, weights * factors)
    # That is the least that the harder side of each channel can be
    for f in np.geomspace(1e-2, 1e2, 500):
        harder = np.maximum(activations / (f * factors), weights * f * factors)
        assert (harder >= (activations / factors) * (1 - 1e-12)).all()
    np.testing.assert_array_equal(smoothing_factors(np.zeros(2), np.ones(2), 0.5), [1, 1])
    np.testing.assert_allclose(smoothing_factors(activations, weights, 1.0), activations)


def test_a_channel_that_is_zero_on_either_side_is_left_as_it_is() -> None:
    activations, weights = np.array([0.0, 4.0, 0.0, 4.0]), np.array([1.0, 0.0, 0.0, 1.0])
    for alpha in (0.0, 0.5, 1.0):
        np.testing.assert_allclose(smoothing_factors(activations, weights, alpha), [1, 1, 1, 4**alpha])


@pytest.mark.parametrize("algorithm", ["smoothquant", "awq", "equalize"])
@pytest.mark.parametrize("dead", ["weights", "activations"])
def test_a_net_with_a_dead_channel_stays_what_it_is(algorithm: str, dead: str) -> None:
    """A channel that all readers multiply by zero, or that is zero in all samples."""
    graph, data = attention_block() if algorithm != "equalize" else conv_net()
    names = {"weights": ("wq", "wk", "wv", "w2"), "activations": ("g", "s", "w1", "b1")}[dead]
    made = {name: graph.initializers[name].numpy().copy() for name in names if name in graph.initializers}
    for values in made.values():
        values[2] = 0
    graph = graph.with_constants(made)
    recipe = STATIC if algorithm != "awq" else Recipe(weights=Scheme("int4"), activations="weight_only")
    outcome = applied(algorithm, context_of(graph, data, recipe))
    assert outcome.graph is not None
    for tensor in outcome.graph.initializers.values():
        assert np.isfinite(tensor.numpy()).all()
    np.testing.assert_allclose(answer(outcome.graph, data), answer(graph, data), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("channels", "ratio"), [([], 1.0), ([0, 0], 1.0), ([3], 1.0), ([1, 0, 2], 2.0)])
def test_how_far_the_largest_channel_is_from_the_mean_one(channels: list[float], ratio: float) -> None:
    assert outlier_ratio(np.array(channels, np.float64)) == ratio


@pytest.mark.parametrize("make", [attention_block, conv_net])
def test_what_the_net_computes_stays(make: object) -> None:
    graph, data = make(0)  # type: ignore[operator]
    outcome = applied("smoothquant", context_of(graph, data, STATIC))
    assert outcome.graph is not None
    np.testing.assert_allclose(answer(outcome.graph, data), answer(graph, data), rtol=1e-3, atol=1e-4)
    assert outcome.after["largest_to_mean_channel"] < outcome.before["largest_to_mean_channel"]


def test_factors_are_those_of_the_paper_on_what_was_measured() -> None:
    graph, data = attention_block()
    outcome = applied("smoothquant", context_of(graph, data, STATIC), alpha=0.7)
    assert outcome.graph is not None
    seen = np.abs(run_graph(graph, data, ["h"])["h"]).max(axis=(0, 1))
    weights = [graph.initializers[name].numpy() for name in ("wq", "wk", "wv")]
    largest = np.abs(np.concatenate(weights, axis=1)).max(axis=1)
    factors = seen**0.7 / largest**0.3
    for name in ("wq", "wk", "wv"):
        made, old = outcome.graph.initializers[name].numpy(), graph.initializers[name].numpy()
        np.testing.assert_allclose(made, old * factors[:, None], rtol=1e-5)
    for name in ("g", "s"):
        np.testing.assert_allclose(
            outcome.graph.initializers[name].numpy(), graph.initializers[name].numpy() / factors, rtol=1e-5
        )
    assert set(outcome.tensors) == {"norm"}
    assert "Sigmoid" in outcome.skipped["query"] or "Mul" in outcome.skipped["query"]


@pytest.mark.parametrize("seed", range(5))
def test_it_beats_plain_static_quantization_where_activations_have_outliers(seed: int) -> None:
    graph, data = attention_block(seed)
    reference = answer(graph, data)
    errors = []
    for calls in ((), (AlgorithmCall("smoothquant"),)):
        made = quantize_model(model_of(graph), Recipe(weights=Scheme("int8"), algorithms=calls), data)
        errors.append(float(np.mean((run(made.onnx, data, "onnxruntime")["y"] - reference) ** 2)))
    assert errors[1] < 0.7 * errors[0]


def test_float_activations_need_no_smoothing() -> None:
    graph, data = attention_block()
    outcome = applied("smoothquant", context_of(graph, data))
    assert outcome.graph is None
    assert "nothing has to be smoothed" in outcome.notes[0]
