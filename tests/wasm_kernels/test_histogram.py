"""k_histogram, k_error_histogram and k_error_bins against playground.metrics."""

import numpy as np
import pytest

from playground.metrics import histogram, split_error
from playground.tensor_view.picture import ERROR_BINS, _error_histogram


def counted(guarded, out, x, lo, hi, count):
    """Counts, and how many lie outside."""
    places = {"counts": out((count,), "int32", 0), "outside": out((2,), "int32", 0)}
    return guarded("k_histogram", x=x, n=x.size, bins={"lo": lo, "hi": hi, "count": count}, **places)


def errors_counted(guarded, out, x, x_hat, largest, scale, count):
    """Counts, and the outermost edge."""
    places = {"counts": out((count,), "int32", 0), "widest": out((1,), "float32")}
    given = {"x": x, "x_hat": x_hat, "n": x.size, "largest": largest, "scale": scale, "count": count}
    return guarded("k_error_bins", **given, **places)


@pytest.mark.parametrize(("n", "bins"), [(1, 1), (1000, 7), (999, 256)])
def test_histogram(guarded, rng, n, bins, out):
    x = rng.normal(size=n).astype(np.float32)
    expected = histogram(x, bins, -1.5, 2.0)
    counts, outside = counted(guarded, out, x, -1.5, 2.0, bins)
    np.testing.assert_array_equal(counts, expected.counts)
    np.testing.assert_array_equal(outside, [expected.below, expected.above])


def test_histogram_counts_the_edges_and_not_nan(guarded, out):
    x = np.array([-1, 1, np.nan, np.inf, -np.inf, 0], np.float32)
    counts, outside = counted(guarded, out, x, -1.0, 1.0, 4)
    np.testing.assert_array_equal(counts, [1, 0, 1, 1])
    np.testing.assert_array_equal(outside, [1, 1])


@pytest.mark.parametrize("shape", [(1, 1, 500), (3, 4, 25)])
def test_error_histogram(guarded, rng, out, shape):
    x = rng.normal(size=shape).astype(np.float32)
    lo = -rng.uniform(0.5, 1.5, (1, shape[1], 1)).astype(np.float32)
    x_hat = (np.rint(np.clip(x, lo, -lo) * 8) / 8).astype(np.float32)
    expected = split_error(x, x_hat, lo, -lo, bins=51)
    edge = float(np.abs(x_hat - x).max())
    given = dict(zip(("outer", "channels", "inner"), shape, strict=True), x=x, x_hat=x_hat, lo=lo, hi=-lo)
    places = {name: out((51,), "int32", 0) for name in ("rounding", "clipping")}
    bins = {"lo": -edge, "hi": edge, "count": 51}
    rounding, clipping = guarded("k_error_histogram", **given, bins=bins, **places)
    np.testing.assert_array_equal(rounding, expected.rounding.counts)
    np.testing.assert_array_equal(clipping, expected.clipping.counts)
    assert rounding.sum() > 0 and clipping.sum() > 0


@pytest.mark.parametrize("size", [1e-35, 1e32])
def test_bins_that_float32_cannot_divide_by(guarded, rng, out, size):
    x = (rng.uniform(-1, 1, 500) * size).astype(np.float32)
    expected = histogram(x, 33, -size, size)
    counts, outside = counted(guarded, out, x, -size, size, 33)
    np.testing.assert_array_equal(counts, expected.counts)
    np.testing.assert_array_equal(outside, [0, 0])


@pytest.mark.parametrize("scale", [0.01, 0.125, 10.0, 3e-38])
def test_error_bins_are_those_of_the_report(guarded, rng, out, scale):
    x = rng.normal(size=777).astype(np.float32)
    x_hat = (np.rint(x * 8) / 8).astype(np.float32)
    edges, expected = _error_histogram(x_hat - x, float(np.float32(scale)))
    largest = np.abs(x_hat - x).max()
    counts, widest = errors_counted(guarded, out, x, x_hat, largest, scale, ERROR_BINS)
    np.testing.assert_array_equal(counts, expected)
    assert widest[0] == edges[-1] == -edges[0]


@pytest.mark.parametrize("bins", [1, 255, 256, 257])
@pytest.mark.parametrize("n", [1, 3, 4, 503])
def test_any_number_of_error_bins(guarded, rng, out, n, bins):
    x, x_hat = np.zeros(n, np.float32), rng.normal(size=n).astype(np.float32)
    largest = np.abs(x_hat).max()
    counts, _ = errors_counted(guarded, out, x, x_hat, largest, 1e3, bins)
    np.testing.assert_array_equal(counts, histogram(x_hat, bins, -largest, largest).counts)


@pytest.mark.parametrize("bins", [41, 64, 65])
@pytest.mark.parametrize("spread", [1.0, 0.0])
def test_error_bins_of_many_values(guarded, rng, out, bins, spread):
    n = 65536 + 505
    x = np.zeros(n, np.float32)
    x_hat = (1 + spread * rng.normal(size=n)).astype(np.float32)
    largest = np.abs(x_hat).max()
    counts, _ = errors_counted(guarded, out, x, x_hat, largest, 1e3, bins)
    np.testing.assert_array_equal(counts, histogram(x_hat, bins, -largest, largest).counts)


def test_error_bins_without_an_error(guarded, out):
    x = np.arange(5, dtype=np.float32)
    counts, widest = errors_counted(guarded, out, x, x, 0.0, 1.0, 3)
    np.testing.assert_array_equal(counts, [0, 5, 0])
    assert widest[0] == 1
