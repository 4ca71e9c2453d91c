"""The roundings against Python's decimal arithmetic."""

import decimal

import numpy as np
import pytest

from playground.rounding import ROUNDINGS, Rounding

EXPECTED = {
    "half_even": decimal.ROUND_HALF_EVEN,
    "half_away": decimal.ROUND_HALF_UP,  # decimal's "up" is away from zero
    "toward_zero": decimal.ROUND_DOWN,
}


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_every_rounding_is_that_of_exact_decimal_arithmetic(rounding: str) -> None:
    ties = np.arange(-20, 21, dtype=np.float32) / 2
    neighbours = [np.nextafter(ties, np.float32(side)) for side in (-np.inf, np.inf)]
    large = np.array([2**22 + 0.5, -(2**22) - 0.5, 2**23 + 1, 3e38, -3e38, 8388607.5], np.float32)
    x = np.concatenate([ties, *neighbours, large, np.random.default_rng(0).normal(0, 100, 2000).astype(np.float32)])
    exact = [int(decimal.Decimal(float(v)).to_integral_value(EXPECTED[rounding])) for v in x]
    rounded = x.copy()
    ROUNDINGS[rounding].apply(rounded)
    assert [int(v) for v in rounded] == exact


@pytest.mark.parametrize("rounding", ROUNDINGS.values(), ids=lambda r: r.id)
def test_infinity_stays_and_the_reach_is_never_exceeded(rounding: Rounding) -> None:
    infinite = np.array([np.inf, -np.inf], np.float32)
    rounding.apply(infinite)
    assert infinite.tolist() == [np.inf, -np.inf]
    x = np.linspace(-5, 5, 4001, dtype=np.float32)
    y = x.copy()
    rounding.apply(y)
    farthest = np.abs(x - y).max()
    assert rounding.reach - 0.01 <= farthest <= rounding.reach
