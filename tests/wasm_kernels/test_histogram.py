"""k_histogram and k_error_histogram against playground.metrics."""

import numpy as np
import pytest

from playground.metrics import histogram, split_error


@pytest.mark.parametrize(("n", "bins"), [(1, 1), (1000, 7), (999, 256)])
def test_histogram(guarded, rng, n, bins, out):
    x = rng.normal(size=n).astype(np.float32)
    expected = histogram(x, bins, -1.5, 2.0)
    counts, outside = guarded("k_histogram", x, n, -1.5, 2.0, bins, out((bins,), "int32", 0), out((2,), "int32", 0))
    np.testing.assert_array_equal(counts, expected.counts)
    np.testing.assert_array_equal(outside, [expected.below, expected.above])


def test_histogram_counts_the_edges_and_not_nan(guarded, out):
    x = np.array([-1, 1, np.nan, np.inf, -np.inf, 0], np.float32)
    counts, outside = guarded("k_histogram", x, 6, -1.0, 1.0, 4, out((4,), "int32", 0), out((2,), "int32", 0))
    np.testing.assert_array_equal(counts, [1, 0, 1, 1])
    np.testing.assert_array_equal(outside, [1, 1])


@pytest.mark.parametrize("shape", [(1, 1, 500), (3, 4, 25)])
def test_error_histogram(guarded, rng, out, shape):
    x = rng.normal(size=shape).astype(np.float32)
    lo = -rng.uniform(0.5, 1.5, (1, shape[1], 1)).astype(np.float32)
    x_hat = (np.rint(np.clip(x, lo, -lo) * 8) / 8).astype(np.float32)
    expected = split_error(x, x_hat, lo, -lo, bins=51)
    edge = float(np.abs(x_hat - x).max())
    rounding, clipping = guarded(
        "k_error_histogram", x, x_hat, *shape, lo, -lo, -edge, edge, 51, *(out((51,), "int32", 0) for _ in range(2))
    )
    np.testing.assert_array_equal(rounding, expected.rounding.counts)
    np.testing.assert_array_equal(clipping, expected.clipping.counts)
    assert rounding.sum() > 0 and clipping.sum() > 0
