"""k_add_f32 against playground.programs.dynamic_ops."""

import numpy as np
import pytest

from playground.programs.dynamic_ops import add_floats


@pytest.mark.parametrize("limits", [(-np.inf, np.inf), (0.0, 0.5)])
@pytest.mark.parametrize("n", [1, 3, 4, 5, 16, 21])
def test_sums_and_limits(guarded, out, rng, n, limits):
    a, b = rng.normal(size=(2, n)).astype(np.float32)
    for second in (b, None):
        place = out((n,), "float32")
        result = guarded("k_add_f32", a=a, b=second, n=n, lo=limits[0], hi=limits[1], out=place)
        np.testing.assert_array_equal(result, add_floats(a, second, limits))
