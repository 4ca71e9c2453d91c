import numpy as np
import pytest

from playground import Scheme, quantize
from playground.engines.interpreter import run_graph
from playground.model.recipe import Recipe
from playground.ptq.algorithms.awq import awq_factors
from tests.ptq.nets import answer, applied, attention_block, context_of, conv_net

CHANNELS = Recipe(weights=Scheme("int3", granularity="channel"), activations="weight_only")


def test_it_is_the_best_of_the_authors_grid() -> None:
    """Every alpha tried by hand, on inputs instead of their moments, a weight at a time."""
    graph, data = attention_block()
    outcome = applied("awq", context_of(graph, data, CHANNELS))
    assert outcome.graph is not None
    h = run_graph(graph, data, ["h"])["h"].reshape(-1, 16).astype(np.float64)
    activations = np.abs(h).mean(axis=0)
    least, best = np.inf, np.ones(16)
    for step in range(20):
        s = np.maximum(activations ** (step / 20), 1e-4)
        s = s / np.sqrt(s.max() * s.min()) if step else np.ones(16)
        total = 0.0
        for name in ("wq", "wk", "wv"):
            w = graph.initializers[name].numpy()
            scaled = (w * s[:, None]).astype(np.float32)
            rounded = quantize(scaled, Scheme("int3", granularity="channel", axis=1)).dequantize()
            total += ((h @ (rounded / s[:, None] - w)) ** 2).sum() / ((h @ w) ** 2).sum()
        if total < least:
            least, best = total, s
    np.testing.assert_allclose(
        outcome.graph.initializers["wk"].numpy(), graph.initializers["wk"].numpy() * best[:, None], rtol=1e-5
    )
    assert outcome.tensors["norm"]["relative_output_error"][1] == pytest.approx(least, rel=1e-4)


def test_factors_are_normalised_as_the_authors_do() -> None:
    factors = awq_factors(np.array([1.0, 4.0, 16.0]), 0.5)
    np.testing.assert_allclose(factors, [0.5, 1, 2])
    np.testing.assert_array_equal(awq_factors(np.array([3.0, 7.0]), 0.0), [1, 1])


@pytest.mark.parametrize("make", [attention_block, conv_net])
@pytest.mark.parametrize("seed", range(5))
def test_what_the_net_computes_stays_and_no_error_grows(make: object, seed: int) -> None:
    graph, data = make(seed)  # type: ignore[operator]
    outcome = applied("awq", context_of(graph, data))  # one scale a tensor: the absorbing weight counts too
    assert outcome.graph is not None
    np.testing.assert_allclose(answer(outcome.graph, data), answer(graph, data), rtol=2e-3, atol=1e-3)
    assert all(after <= before for pairs in outcome.tensors.values() for before, after in pairs.values())


@pytest.mark.parametrize("seed", range(5))
def test_weights_that_meet_outliers_lose_less(seed: int) -> None:
    graph, data = attention_block(seed)
    outcome = applied("awq", context_of(graph, data, CHANNELS))
    assert outcome.after["relative_output_error"] < 0.8 * outcome.before["relative_output_error"]
