"""Numbers as people read them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.render.numbers import affine, digits, grouped, percent, points, shape, size


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"), (1, "1.00"), (0.0914159, "0.0914"), (1234.5, "1230"), (-0.5, "−0.500"), (999.9, "1000"),
        (9.999, "10.0"), (0.09999, "0.100"), (0.0001234, "0.000123"), (0.00001234, "1.23e−05"), (1.2e9, "1.20e+09"),
        (math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "—"), (5e-324, "4.94e−324"), (3.4e38, "3.40e+38"),
    ],
)  # fmt: skip
def test_digits(value, expected):
    assert digits(value) == expected


@given(st.floats(-3.4e38, 3.4e38).filter(lambda v: abs(v) > 1e-300), st.integers(2, 6))
def test_digits_are_as_close_as_their_number_allows(value, significant):
    shown = float(digits(value, significant).replace("−", "-"))
    assert shown == pytest.approx(value, rel=0.5001 * 10.0 ** (1 - significant))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0.481, 3, -1), "1.92 = 0.481 × (3 + 1)"),
        ((0.5, -4, 0), "−2.00 = 0.500 × (−4 − 0)"),
        ((0.25, 12, 12), "0 = 0.250 × (12 − 12)"),
        ((1.0, 0, 128), "−128 = 1.00 × (0 − 128)"),
    ],
)
def test_affine(arguments, expected):
    assert affine(*arguments) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (262_144, "262 kB"), (999_700, "1.00 MB"), (3.2e9, "3.20 GB")],
)
def test_size(count, expected):
    assert size(count) == expected


def test_the_others():
    assert grouped(65536) == "65\u202f536"
    assert grouped(-1234567) == "-1\u202f234\u202f567"
    assert percent(0.8556) == "85.6 %"
    assert (percent(0), percent(1)) == ("0.0 %", "100.0 %")
    assert shape(()) == "scalar"
    assert shape((512, 128)) == "512 × 128"


@pytest.mark.parametrize(
    ("difference", "expected"),
    [(0.012, ("+1.2 points", "better")), (-0.5, ("−50.0 points", "worse")), (0, ("as float", "")),
     (-0.0004, ("as float", "")), (0.0006, ("+0.1 points", "better"))],
)  # fmt: skip
def test_points(difference, expected):
    assert points(difference) == expected
