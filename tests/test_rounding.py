"""The roundings against Python's decimal arithmetic."""

import decimal
import math
from fractions import Fraction

import numpy as np
import pytest

from playground.rounding import ROUNDINGS, Rounding


def by_decimal(mode: str):
    return lambda v: int(decimal.Decimal(v).to_integral_value(mode))


EXPECTED = {
    "half_even": by_decimal(decimal.ROUND_HALF_EVEN),
    "half_away": by_decimal(decimal.ROUND_HALF_UP),  # decimal's "up" is away from zero
    "half_up": lambda v: math.floor(Fraction(v) + Fraction(1, 2)),
    "floor": by_decimal(decimal.ROUND_FLOOR),
    "ceil": by_decimal(decimal.ROUND_CEILING),
    "toward_zero": by_decimal(decimal.ROUND_DOWN),
}


@pytest.mark.parametrize("rounding", [r for r in ROUNDINGS if not ROUNDINGS[r].random])
def test_every_rounding_is_that_of_exact_decimal_arithmetic(rounding: str) -> None:
    ties = np.arange(-20, 21, dtype=np.float32) / 2
    neighbours = [np.nextafter(ties, np.float32(side)) for side in (-np.inf, np.inf)]
    large = np.array([2**22 + 0.5, -(2**22) - 0.5, 2**23 + 1, 3e38, -3e38, 8388607.5], np.float32)
    x = np.concatenate([ties, *neighbours, large, np.random.default_rng(0).normal(0, 100, 2000).astype(np.float32)])
    exact = [EXPECTED[rounding](float(v)) for v in x]
    rounded = x.copy()
    ROUNDINGS[rounding].apply(rounded, None)
    assert [int(v) for v in rounded] == exact


@pytest.mark.parametrize("rounding", ROUNDINGS.values(), ids=lambda r: r.id)
def test_infinity_stays_and_the_reach_is_never_exceeded(rounding: Rounding) -> None:
    infinite = np.array([np.inf, -np.inf], np.float32)
    rounding.apply(infinite, np.random.default_rng(0))
    assert infinite.tolist() == [np.inf, -np.inf]
    x = np.linspace(-5, 5, 400_001, dtype=np.float32)
    y = x.copy()
    rounding.apply(y, np.random.default_rng(0))
    farthest = np.abs(x - y).max()
    assert rounding.reach - 0.01 <= farthest <= rounding.reach


def test_stochastic_rounding_is_right_on_average_and_repeats_with_its_seed() -> None:
    x = np.repeat(np.array([-1.75, -0.5, 0.0, 0.25, 3.0, 7.9], np.float32), 40_000)
    y, again, other = x.copy(), x.copy(), x.copy()
    for values, seed in ((y, 5), (again, 5), (other, 6)):
        ROUNDINGS["stochastic"].apply(values, np.random.default_rng(seed))
    np.testing.assert_array_equal(y, again)
    assert (y != other).any()
    assert set(np.unique(y - np.floor(x))) == {0, 1}
    means = y.reshape(6, -1).mean(axis=1)
    np.testing.assert_allclose(means, x[::40_000], atol=4 * 0.5 / 200)  # four standard errors
