"""k_histogram, k_error_histogram and k_error_bins against playground.metrics."""

import numpy as np
import pytest

from playground.metrics import histogram, split_error
from playground.tensor_view.picture import ERROR_BINS, _error_histogram


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


@pytest.mark.parametrize("size", [1e-35, 1e32])
def test_bins_that_float32_cannot_divide_by(guarded, rng, out, size):
    x = (rng.uniform(-1, 1, 500) * size).astype(np.float32)
    expected = histogram(x, 33, -size, size)
    args = (x, 500, -size, size, 33)
    counts, outside = guarded("k_histogram", *args, out((33,), "int32", 0), out((2,), "int32", 0))
    np.testing.assert_array_equal(counts, expected.counts)
    np.testing.assert_array_equal(outside, [0, 0])


@pytest.mark.parametrize("scale", [0.01, 0.125, 10.0, 3e-38])
def test_error_bins_are_those_of_the_report(guarded, rng, out, scale):
    x = rng.normal(size=777).astype(np.float32)
    x_hat = (np.rint(x * 8) / 8).astype(np.float32)
    edges, expected = _error_histogram(x_hat - x, float(np.float32(scale)))
    largest = np.abs(x_hat - x).max()
    counts, widest = guarded(
        "k_error_bins", x, x_hat, 777, largest, scale, ERROR_BINS, out((ERROR_BINS,), "int32", 0), out((1,), "float32")
    )
    np.testing.assert_array_equal(counts, expected)
    assert widest[0] == edges[-1] == -edges[0]


@pytest.mark.parametrize("bins", [1, 255, 256, 257])
@pytest.mark.parametrize("n", [1, 3, 4, 503])
def test_any_number_of_error_bins(guarded, rng, out, n, bins):
    x, x_hat = np.zeros(n, np.float32), rng.normal(size=n).astype(np.float32)
    largest = np.abs(x_hat).max()
    args = (x, x_hat, n, largest, 1e3, bins)
    counts, _ = guarded("k_error_bins", *args, out((bins,), "int32", 0), out((1,), "float32"))
    np.testing.assert_array_equal(counts, histogram(x_hat, bins, -largest, largest).counts)


@pytest.mark.parametrize("bins", [41, 64, 65])
@pytest.mark.parametrize("spread", [1.0, 0.0])
def test_error_bins_of_many_values(guarded, rng, out, bins, spread):
    n = 65536 + 505
    x = np.zeros(n, np.float32)
    x_hat = (1 + spread * rng.normal(size=n)).astype(np.float32)
    largest = np.abs(x_hat).max()
    args = (x, x_hat, n, largest, 1e3, bins)
    counts, _ = guarded("k_error_bins", *args, out((bins,), "int32", 0), out((1,), "float32"))
    np.testing.assert_array_equal(counts, histogram(x_hat, bins, -largest, largest).counts)


def test_error_bins_without_an_error(guarded, out):
    x = np.arange(5, dtype=np.float32)
    counts, widest = guarded("k_error_bins", x, x, 5, 0.0, 1.0, 3, out((3,), "int32", 0), out((1,), "float32"))
    np.testing.assert_array_equal(counts, [0, 5, 0])
    assert widest[0] == 1
