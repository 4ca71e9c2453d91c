"""playground.programs.float_functions against float64: how far each function is from the exact result."""

import math

import numpy as np
import pytest

from playground.programs.float_functions import FUNCTIONS, apply

EDGES = [0.0, -0.0, 1e-45, -1e-45, 1e-38, 0.625, 0.921875, 20.0, 88.72284, 88.73, -87.3, -103.0, -104.5, 1e30, -1e30]


def spread(low, high, count=40_000):
    """Values between two numbers, many of them near 0."""
    rng = np.random.default_rng(5)
    plain = rng.uniform(low, high, count)
    small = np.exp(rng.uniform(-80, math.log(max(abs(low), abs(high))), count))
    near = np.where((rng.random(count) < 0.5) & (low < 0), -small, small)
    return np.concatenate([plain, near[(near >= low) & (near <= high)]]).astype(np.float32)


def gelu(x):
    return x * np.array([math.erfc(-v / math.sqrt(2)) for v in x]) / 2


def erf(x):
    return np.array([math.erf(v) for v in x])


EXACT = {
    "exp": (np.exp, -103, 88.7, 1.5, 0),
    "log": (np.log, 1e-38, 3e38, 1.5, 0),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), -87, 30, 3, 0),
    "tanh": (np.tanh, -12, 12, 2, 0),
    "erf": (erf, -6, 6, 2, 0),
    "softplus": (lambda x: np.logaddexp(0, x), -80, 80, 3, 0),
    "softsign": (lambda x: x / (1 + abs(x)), -1e3, 1e3, 1.5, 0),
    "mish": (lambda x: x * np.tanh(np.logaddexp(0, x)), -40, 100, 5, 0),
    # The exponential of a product that is rounded itself
    "swish": (lambda x: x / (1 + np.exp(-1.5 * x)), -40, 100, 60, 1e-30),
    "gelu": (gelu, -10, 100, 2, 4e-7),
    "gelu_tanh": (
        lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        *(-10, 100, 2, 4e-7),
    ),
    "elu": (lambda x: np.where(x < 0, 1.5 * np.expm1(np.minimum(x, 0)), x), -40, 100, 2, 1e-7),
    "sqrt": (np.sqrt, 0, 3e38, 0.5, 0),
    "reciprocal": (lambda x: 1 / x, 1e-30, 1e30, 0.5, 0),
    "square": (np.square, -1e3, 1e3, 0.5, 1e-45),
    "cube": (lambda x: x**3, -1e3, 1e3, 1.5, 1e-45),
    "hard_swish": (lambda x: x * np.clip(x / 1.5 + 1, 0, 1), -10, 10, 2, 1e-6),
    "hard_sigmoid": (lambda x: np.clip(1.5 * x + 1, 0, 1), -10, 10, 1, 1e-7),
}
"""Name -> the exact function, from and to where it is tried, units in the last place, and an absolute error beside."""


@pytest.mark.parametrize("name", EXACT)
def test_functions_are_within_a_few_units_of_the_exact_result(name):
    exact, low, high, units, absolute = EXACT[name]
    x = spread(low, high)
    x = x[x != 0] if name in ("log", "reciprocal") else x
    found, wanted = apply(name, x, 1.5, 1), exact(x.astype(np.float64))
    assert found.dtype == np.float32
    unit = np.spacing(np.abs(wanted).astype(np.float32)).astype(np.float64)
    error = np.abs(found - wanted) - absolute
    worst = int(np.argmax(error / unit))
    assert error[worst] <= units * unit[worst], (x[worst], found[worst], wanted[worst], error[worst] / unit[worst])


def test_ends_of_the_range():
    inf, nan = np.inf, np.nan
    ends = np.array([-inf, inf, nan], np.float32)
    wanted = {
        "exp": [0, inf, nan],
        "log": [nan, inf, nan],
        "sigmoid": [0, 1, nan],
        "tanh": [-1, 1, nan],
        "erf": [-1, 1, nan],
        "softplus": [0, inf, nan],
        "elu": [-1.5, inf, nan],
        "clip": [1.5, 2.5, nan],
        "sign": [-1, 1, nan],
    }
    for name, values in wanted.items():
        beta = 2.5 if name == "clip" else 1
        np.testing.assert_array_equal(apply(name, ends, 1.5, beta), np.array(values, np.float32), name)
    np.testing.assert_array_equal(apply("log", np.zeros(2, np.float32)), [-inf, -inf])
    assert apply("exp", np.float32([89.5, -110])).tolist() == [inf, 0]


def test_the_lower_end_of_exp_is_rounded_once():
    x = np.linspace(-104, -87, 5000, dtype=np.float32)
    np.testing.assert_allclose(apply("exp", x), np.exp(x.astype(np.float64)), rtol=1e-6, atol=0.51 * 2.0**-149)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_keep_shape_and_type(name):
    for shape in ((), (2, 3)):
        made = apply(name, np.ones(shape, np.float32), 0.5, 2)
        assert (made.shape, made.dtype) == (shape, np.float32)


def test_functions_that_numpy_has_too_and_rounds_alike():
    x = np.array([*EDGES, 2.5, -2.5, 3.5], np.float32)
    for name, theirs in {
        "abs": np.abs,
        "neg": np.negative,
        "floor": np.floor,
        "ceil": np.ceil,
        "round": np.rint,
    }.items():
        np.testing.assert_array_equal(apply(name, x), theirs(x))
    np.testing.assert_array_equal(apply("clip", x, -1, 2), np.clip(x, -1, 2))
    np.testing.assert_array_equal(apply("leaky", x, 0.25), np.where(x < 0, x / 4, x))
    np.testing.assert_array_equal(apply("thresholded", x, 1), np.where(x > 1, x, 0))
