import numpy as np
import pytest

from playground import Range, Scheme, quantize
from playground.core import quantize_within
from playground.model.recipe import Recipe
from playground.ptq.hqq import lp_error, with_hqq
from tests.ptq.nets import applied, context_of, conv_net


@pytest.mark.parametrize("seed", range(5))
def test_the_lp_error_is_close_to_the_least_of_all_scales(seed: int) -> None:
    values = np.random.default_rng(seed).standard_t(3, 400).astype(np.float32)
    scheme = Scheme("int4")
    found = lp_error(values, quantize(values, with_hqq(scheme, 0.7, 20)), 0.7)
    largest = float(np.abs(values).max())
    brute = min(
        lp_error(values, quantize_within(values, Range(-largest * f, largest * f), scheme), 0.7)
        for f in np.geomspace(0.02, 1, 400)
    )
    nearest = lp_error(values, quantize(values, scheme), 0.7)
    assert brute <= found * (1 + 1e-9)
    assert found < nearest
    assert found - brute < 0.5 * (nearest - brute)


def test_weights_keep_their_range_where_it_gains_nothing() -> None:
    graph, _ = conv_net()
    recipe = Recipe(weights=Scheme("int4"), activations="weight_only")
    context = context_of(graph, None, recipe)
    outcome = applied("hqq", context)
    assert set(outcome.weights) | set(outcome.skipped) == {"w1", "w2", "w3", "w4"}
    assert outcome.weights
    for name, weight in outcome.weights.items():
        before, after = outcome.tensors[name]["mean_lp_error"]
        values = graph.initializers[name].numpy()
        assert before == pytest.approx(lp_error(values, quantize(values, Scheme("int4")), 0.7))
        assert after == pytest.approx(lp_error(values, weight, 0.7))
        assert after < before
    exact = context_of(context.with_constants({"w4": np.full((72, 5), 0.5, np.float32)}), None, recipe)
    assert "its own range is as good" in applied("hqq", exact).skipped["w4"]
