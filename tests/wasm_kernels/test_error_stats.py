"""k_error_stats against sums formed by NumPy in float64."""

import numpy as np
import pytest


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 301), (3, 4, 25)])
def test_error_stats(guarded, rng, out, shape):
    x = rng.normal(size=shape).astype(np.float32)
    lo = -rng.uniform(0.5, 1.5, (1, shape[1], 1)).astype(np.float32)
    x_hat = (np.rint(np.clip(x, lo, -lo) * 8) / 8).astype(np.float32)
    sums = guarded("k_error_stats", x, x_hat, *shape, lo, -lo, out((9,), "float64"))
    a, b = x.astype(np.float64), x_hat.astype(np.float64)
    squared, clipped = (b - a) ** 2, (x < lo) | (x > -lo)
    expected = [
        (a * a).sum(),
        (b * b).sum(),
        (a * b).sum(),
        (b - a).sum(),
        squared[~clipped].sum(),
        squared[clipped].sum(),
        clipped.sum(),
        np.abs(b - a).max(),
        0,
    ]
    np.testing.assert_allclose(sums, expected, rtol=1e-12, atol=1e-14)


def test_pairs_with_nan_are_counted_only(guarded, out):
    x = np.array([1, np.nan, 3, np.inf], np.float32)
    x_hat = np.array([1.5, 0, np.nan, np.inf], np.float32)
    bound = np.array([10], np.float32)
    sums = guarded("k_error_stats", x, x_hat, 1, 1, 4, -bound, bound, out((9,), "float64"))
    np.testing.assert_array_equal(sums, [1, 2.25, 1.5, 0.5, 0.25, 0, 0, 0.5, 3])
