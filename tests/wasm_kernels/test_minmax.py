import numpy as np
import pytest


def minmax(guarded, out, x):
    return guarded("k_minmax", x=x, n=x.size, range=out((2,), "float32"), nan_count=out((1,), "int32"))


@pytest.mark.parametrize("n", [1, 3, 4, 5, 64, 67])
def test_minmax(guarded, out, rng, n):
    x = rng.normal(size=n).astype(np.float32)
    bounds, nans = minmax(guarded, out, x)
    np.testing.assert_array_equal(bounds, [x.min(), x.max()])
    assert nans == 0


@pytest.mark.parametrize("place", [0, 2, 8, 9])
def test_nan_is_left_out_and_counted_and_infinity_takes_part(guarded, out, place):
    x = np.arange(10, dtype=np.float32)
    x[place], x[5] = np.nan, -np.inf
    bounds, nans = minmax(guarded, out, x)
    np.testing.assert_array_equal(bounds, [-np.inf, np.nanmax(x)])
    assert nans == 1


@pytest.mark.parametrize("x", [np.zeros(0, np.float32), np.full(9, np.nan, np.float32)])
def test_nothing_to_compare_gives_the_empty_range(guarded, out, x):
    bounds, nans = minmax(guarded, out, x)
    np.testing.assert_array_equal(bounds, [np.inf, -np.inf])
    assert nans == x.size


@pytest.mark.parametrize("shape", [(1, 3, 7), (4, 5, 1), (2, 3, 4), (3, 1, 9)])
def test_minmax_of_channels(guarded, out, rng, shape):
    x = rng.normal(size=shape).astype(np.float32)
    x[0, 0, 0] = np.nan
    sizes = dict(zip(("outer", "channels", "inner"), shape, strict=True))
    places = {name: out((shape[1],), "float32") for name in ("lo", "hi")}
    lo, hi, nans = guarded("k_minmax_channels", x=x, **sizes, **places, nan_count=out((1,), "int32"))
    np.testing.assert_array_equal(lo, np.nanmin(x, axis=(0, 2)))
    np.testing.assert_array_equal(hi, np.nanmax(x, axis=(0, 2)))
    assert nans == 1
