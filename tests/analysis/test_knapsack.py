"""The front against every combination there is."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.analysis.knapsack import Choice, front, greedy
from playground.errors import InvalidInputError

choices = st.lists(st.builds(Choice, st.integers(0, 30), st.integers(-5, 40).map(float)), min_size=1, max_size=4)
problems = st.lists(choices, min_size=1, max_size=5)


def combinations(layers: list[list[Choice]]) -> list[tuple[int, float, tuple[int, ...]]]:
    found = []
    for picks in itertools.product(*(range(len(c)) for c in layers)):
        taken = [layer[pick] for layer, pick in zip(layers, picks, strict=True)]
        found.append((sum(c.bytes for c in taken), sum(c.cost for c in taken), picks))
    return found


@given(problems)
@settings(max_examples=200)
def test_the_front_is_what_brute_force_finds(layers: list[list[Choice]]) -> None:
    every = combinations(layers)
    best: dict[int, float] = {}
    for nbytes, cost, _ in every:
        best[nbytes] = min(cost, best.get(nbytes, np.inf))
    wanted, least = [], np.inf
    for nbytes in sorted(best):
        if best[nbytes] < least:
            least = best[nbytes]
            wanted.append((nbytes, least))
    found = front(layers)
    assert list(zip(found.bytes.tolist(), found.costs.tolist(), strict=True)) == wanted
    assert found.exact
    for nbytes, cost, picks in zip(found.bytes, found.costs, found.picks, strict=True):
        taken = [layer[pick] for layer, pick in zip(layers, picks, strict=True)]
        assert (sum(c.bytes for c in taken), sum(c.cost for c in taken)) == (nbytes, cost)


@given(problems, st.integers(0, 150))
@settings(max_examples=200)
def test_budgets(layers: list[list[Choice]], budget: int) -> None:
    found = front(layers)
    fitting = [cost for nbytes, cost, _ in combinations(layers) if nbytes <= budget]
    if not fitting:
        with pytest.raises(InvalidInputError, match="smallest combination takes"):
            found.within_bytes(budget)
        with pytest.raises(InvalidInputError, match="smallest combination takes"):
            greedy(layers, budget)
        return
    assert found.costs[found.within_bytes(budget)] == min(fitting)
    picks = greedy(layers, budget)
    taken = [layer[pick] for layer, pick in zip(layers, picks, strict=True)]
    assert sum(c.bytes for c in taken) <= budget
    assert sum(c.cost for c in taken) >= min(fitting)


def test_an_error_budget() -> None:
    found = front([[Choice(8, 0.0), Choice(4, 1.0), Choice(2, 5.0)], [Choice(8, 0.0), Choice(4, 3.0)]])
    assert found.bytes[found.within_cost(4.0)] == 8
    assert found.bytes[found.within_cost(0.0)] == 16
    with pytest.raises(InvalidInputError, match="best combination costs"):
        found.within_cost(-1)


def test_greedy_is_not_exact() -> None:
    """It takes the step of the best ratio, which leaves no room for the better pair."""
    layers = [[Choice(10, 0.0), Choice(0, 9.0)], [Choice(6, 0.0), Choice(0, 6.0)]]
    assert greedy(layers, 10).tolist() == [1, 0]
    found = front(layers)
    assert found.picks[found.within_bytes(10)].tolist() == [0, 1]


def test_many_layers_stay_bounded_and_say_so() -> None:
    rng = np.random.default_rng(0)
    layers = [
        [Choice(int(n), float(c)) for n, c in zip(sizes, np.sort(rng.random(5)), strict=True)]
        for sizes in np.sort(rng.integers(1, 10**7, (60, 5)))[:, ::-1]
    ]
    found, rough = front(layers, most_states=20_000), front(layers, most_states=500)
    assert not rough.exact
    assert rough.bytes.size <= 500
    budget = int(np.median(found.bytes))
    fine_cost, rough_cost = (f.costs[f.within_bytes(budget)] for f in (found, rough))
    assert fine_cost <= rough_cost < 1.05 * fine_cost
    for nbytes, picks in zip(rough.bytes, rough.picks, strict=True):
        assert sum(layer[pick].bytes for layer, pick in zip(layers, picks, strict=True)) == nbytes


@pytest.mark.parametrize("most", [2, 3, 7, 50])
def test_thinning_keeps_both_ends(most: int) -> None:
    """The smallest combination and the best one are still there, whatever lies between them is not."""
    rng = np.random.default_rng(1)
    layers = [[Choice(int(n), float(1000 - n) + i) for i, n in enumerate(rng.integers(1, 1000, 4))] for _ in range(8)]
    found, rough = front(layers), front(layers, most_states=most)
    assert not rough.exact
    assert rough.bytes[0] == found.bytes[0] == sum(min(choice.bytes for choice in choices) for choices in layers)
    assert rough.costs[-1] == found.costs[-1]
    assert rough.within_bytes(int(found.bytes[0])) == 0


def test_as_many_states_as_there_may_be_are_exact() -> None:
    layers = [[Choice(4, 0.0), Choice(2, 1.0), Choice(0, 3.0)]]
    assert front(layers, most_states=3).exact
    assert not front(layers, most_states=2).exact


def test_of_choices_that_cost_the_same_the_smaller_one_is_taken() -> None:
    layers = [[Choice(10, 1.0), Choice(4, 1.0), Choice(7, 1.0)], [Choice(3, 0.0), Choice(3, 0.0)]]
    assert greedy(layers, 1000).tolist() == [1, 0]
    found = front(layers)
    assert (found.bytes.tolist(), found.picks.tolist()) == ([7], [[1, 0]])


def test_a_budget_that_is_met_exactly_fits() -> None:
    layers = [[Choice(8, 0.0), Choice(4, 2.0)]]
    found = front(layers)
    assert [found.within_bytes(n) for n in (4, 7, 8)] == [0, 0, 1]
    assert [found.within_cost(c) for c in (2.0, 1.0, 0.0)] == [0, 1, 1]
    assert (greedy(layers, 8).tolist(), greedy(layers, 7).tolist(), greedy(layers, 4).tolist()) == ([0], [1], [1])


@pytest.mark.parametrize(
    ("layers", "message"),
    [([[]], "layer 0: the layer has no choices"), ([[Choice(1, 0.0)], [Choice(1, float("nan"))]], "layer 1")],
)
def test_what_is_no_problem_is_refused(layers: list[list[Choice]], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        front(layers)
