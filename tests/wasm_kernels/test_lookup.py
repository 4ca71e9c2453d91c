"""k_nearest and k_sticky_codes against NumPy."""

import numpy as np
import pytest

from playground import host
from playground.number_formats._lookup import NEAREST, STICKY_CODES

SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, 1e-45, -1e-45, 1.1754942e-38, 3.4028235e38, -3.4028235e38], np.float32)


def boundaries_of(count, rng):
    """Some of them subnormal, zero, infinite or equal."""
    some = rng.normal(size=count).astype(np.float32)
    special = SPECIAL[rng.permutation(SPECIAL.size)][: count // 4]
    some[: special.size] = special
    if count > 8:
        some[-2:] = some[-3]
    return np.sort(some)


def values_for(boundaries, count, rng):
    """Random ones, the boundaries themselves, their neighbours on both sides, and the special ones."""
    with np.errstate(over="ignore"):  # the largest one's neighbour is infinite
        around = [np.nextafter(boundaries, np.float32(to)) for to in (-np.inf, np.inf)]
    ties = np.concatenate([boundaries, *around, SPECIAL])
    return np.where(rng.random(count) < 0.5, rng.choice(ties, count), rng.normal(size=count)).astype(np.float32)


def any_floats(count, rng):
    """Of any 32 bits, NaN and subnormal numbers among them."""
    return rng.integers(0, 2**32, count, np.uint32).view(np.float32)


def places(guarded, out, x, boundaries, order=None):
    given = {"x": x, "n": x.size, "boundaries": boundaries, "count": boundaries.size, "order": order}
    return guarded("k_nearest", **given, codes=out((x.size,), "uint8"))


def keys(x):
    bits = x.view(np.uint32)
    return (bits >> 16) | (bits % 65536 != 0)


@pytest.mark.parametrize("count", [0, 1, 3, 15, 39, 40, 41, 63, 64, 127, 254, 255])
@pytest.mark.parametrize("n", [0, 1, 15, 16, 37, 2000])
def test_nearest(guarded, rng, out, count, n):
    boundaries = boundaries_of(count, rng)
    x = values_for(boundaries, n, rng)
    codes = places(guarded, out, x, boundaries)
    np.testing.assert_array_equal(codes, np.searchsorted(boundaries, x))


@pytest.mark.parametrize("count", [0, 7, 15, 41, 255])
def test_nearest_in_another_order(guarded, rng, out, count):
    boundaries, order = boundaries_of(count, rng), rng.permutation(256)[: count + 1].astype(np.uint8)
    x = values_for(boundaries, 777, rng)
    codes = places(guarded, out, x, boundaries, order)
    np.testing.assert_array_equal(codes, order[np.searchsorted(boundaries, x)])


@pytest.mark.parametrize(("count", "expected"), [(40, 0), (41, 41)])
def test_nan_is_above_none_of_few_and_all_of_many(guarded, rng, out, count, expected):
    x = np.full(19, np.nan, np.float32)
    codes = places(guarded, out, x, boundaries_of(count, rng))
    np.testing.assert_array_equal(codes, expected)


@pytest.mark.parametrize("n", [0, 1, 1999])
def test_sticky_codes(guarded, rng, out, n):
    table, x = rng.integers(0, 256, 65536).astype(np.uint8), any_floats(n, rng)
    x[: SPECIAL.size] = SPECIAL[:n]
    codes = guarded("k_sticky_codes", x=x, n=n, table=table, codes=out((n,), "uint8"))
    np.testing.assert_array_equal(codes, table[keys(x)])


@pytest.mark.parametrize("count", [7, 15, 31, 40, 41, 255])
def test_a_million_numbers_between_boundaries(rng, count):
    boundaries, kernels, n = boundaries_of(count, rng), host.kernels(), 1_000_000
    x = values_for(boundaries, n, rng)
    codes = kernels.empty((n,), np.uint8)
    given = {"x": kernels.resident(x), "n": n, "boundaries": kernels.resident(boundaries), "count": count}
    kernels.call(NEAREST, **given, order=None, codes=codes)
    np.testing.assert_array_equal(codes, np.searchsorted(boundaries, x))


def test_a_million_keys(rng):
    table, kernels, n = rng.integers(0, 256, 65536).astype(np.uint8), host.kernels(), 1_000_000
    x = any_floats(n, rng)
    codes = kernels.empty((n,), np.uint8)
    kernels.call(STICKY_CODES, x=kernels.resident(x), n=n, table=kernels.resident(table), codes=codes)
    np.testing.assert_array_equal(codes, table[keys(x)])
