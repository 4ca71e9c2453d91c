"""k_scale_sums against playground.programs.dynamic_ops."""

import numpy as np
import pytest

from playground.programs.dynamic_ops import Columns, scale_sums


@pytest.mark.parametrize("limits", [(-np.inf, np.inf), (0.0, 6.0)])
@pytest.mark.parametrize("zero_point", [0, 131, 255])
@pytest.mark.parametrize("columns", [1, 3, 4, 5, 19])
def test_sums(guarded, out, rng, columns, zero_point, limits):
    sums = rng.integers(-(2**31), 2**31, (3, columns)).astype(np.int32)
    sums[1] //= 2**16
    found = np.array([0.0123, zero_point], np.float32)
    of = Columns(
        rng.integers(-(2**24), 2**24, columns).astype(np.int32),
        rng.uniform(1e-6, 1e-2, columns).astype(np.float32),
        rng.normal(0, 10, columns).astype(np.float32),
    )
    args = (sums, *sums.shape, found, of.sums, of.scale, of.bias, *limits)
    result = guarded("k_scale_sums", *args, out(sums.shape, "float32"))
    np.testing.assert_array_equal(result, scale_sums(sums, found, of, limits))


def test_without_a_bias_zero_keeps_its_sign(guarded, out):
    one = np.ones(5, np.float32)
    args = (np.zeros((1, 5), np.int32), 1, 5, np.array([-1, 0], np.float32), np.zeros(5, np.int32), one, -0.0 * one)
    result = guarded("k_scale_sums", *args, -np.inf, np.inf, out((1, 5), "float32"))
    assert np.signbit(result).all()
