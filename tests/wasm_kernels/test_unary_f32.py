"""k_unary_f32 against playground.programs.float_functions."""

import numpy as np
import pytest

from playground.programs.float_functions import FUNCTIONS, apply

ENDS = [0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1e-39, 3e38, 88.72, 88.73, 89.5, -87.4, -103.2, -104.1, 0.625]


def every_magnitude(rng, n):
    """Floats of any bits."""
    return rng.integers(0, 2**32, n, dtype=np.uint32).view(np.float32)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 1025])
def test_values(guarded, out, rng, name, n):
    small = (rng.normal(size=n) * rng.choice([0.5, 5, 60], n)).astype(np.float32)
    for x in (small, every_magnitude(rng, n), np.resize(np.array(ENDS, np.float32), n)):
        for alpha, beta in ((0.25, 0.5), (-1.5, 3.0)):
            made = guarded(
                "k_unary_f32",
                **{"x": x, "n": n, "function": list(FUNCTIONS).index(name), "alpha": alpha, "beta": beta},
                out=out((n,), "float32"),
            )
            np.testing.assert_array_equal(made, apply(name, x, alpha, beta))
