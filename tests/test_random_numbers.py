"""A module's random generator gives each test the same numbers, whatever ran before it."""

from __future__ import annotations

import numpy as np
import pytest

RNG = np.random.default_rng(5)
AT_IMPORT = RNG.random()
FIRST = np.random.default_rng(5).random(3)[1:]


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return RNG.random(2)


@pytest.mark.parametrize("turn", [0, 1])
def test_every_case_draws_what_comes_first(turn: int) -> None:
    assert RNG.random(2).tolist() == FIRST.tolist()
    RNG.random(turn)


def test_a_fixture_of_the_module_draws_what_comes_first(drawn: np.ndarray) -> None:
    assert drawn.tolist() == FIRST.tolist()


def test_a_fixture_that_has_drawn_before_takes_nothing_away(drawn: np.ndarray) -> None:
    assert RNG.random(2).tolist() == FIRST.tolist()
