"""One-dimensional k-means against every possible partition, and against scikit-learn."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from playground.number_formats import _clustering
from playground.number_formats._clustering import optimal_levels


def cost(x: np.ndarray, levels: np.ndarray) -> float:
    return float(np.min((x.reshape(-1, 1).astype(np.float64) - levels) ** 2, axis=1).sum())


def best_of_all(x: np.ndarray, count: int) -> float:
    values = np.sort(x).astype(np.float64)
    cuts = itertools.combinations(range(1, values.size), min(count, values.size) - 1)
    return min(sum(((part - part.mean()) ** 2).sum() for part in np.split(values, cut)) for cut in cuts)


@given(st.lists(st.integers(-40, 40), min_size=1, max_size=9), st.integers(1, 5))
@settings(max_examples=200)
def test_no_partition_is_better(numbers: list[int], count: int) -> None:
    x = np.array(numbers, np.float32) / 8
    levels = optimal_levels(x, count)
    assert levels.shape == (count,)
    assert (np.diff(levels) >= 0).all()
    assert cost(x, levels) <= best_of_all(x, count) + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("count", [4, 16])
def test_scikit_learn_finds_nothing_better(count: int) -> None:
    x = np.random.default_rng(0).standard_t(4, 2000).astype(np.float32)
    theirs = KMeans(count, n_init=20, random_state=0, tol=1e-8).fit(x.reshape(-1, 1)).inertia_
    assert cost(x, optimal_levels(x, count)) <= theirs * (1 + 1e-6)


def test_many_values_are_grouped_and_the_result_is_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(1).normal(size=5000).astype(np.float32)
    exact = cost(x, optimal_levels(x, 8))
    monkeypatch.setattr(_clustering, "EXACT", 256)
    assert exact <= cost(x, optimal_levels(x, 8)) <= exact * 1.001


def test_the_optimum_of_a_large_normal_sample_is_that_of_the_distribution() -> None:
    """Max 1960: 16 levels leave 0.009497 of the unit normal distribution."""
    x = np.random.default_rng(2).normal(size=400_000).astype(np.float32)
    assert cost(x[:50_000], optimal_levels(x, 16)) / 50_000 == pytest.approx(0.009497, rel=0.02)


def test_equal_values_and_far_ones() -> None:
    assert optimal_levels(np.full(7, 2.5, np.float32), 4).tolist() == [2.5] * 4
    assert optimal_levels(np.array([1e30, -1e30, 3.0], np.float32), 2).tolist()[0] == np.float32(-1e30)
