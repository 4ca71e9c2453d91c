"""k_count_codes, k_centre_codes and k_reals against NumPy."""

import numpy as np
import pytest


def count(guarded, out, codes, low, high, channel=-1):
    outer, channels, inner = codes.shape
    shape = {"outer": outer, "channels": channels, "inner": inner, "channel": channel}
    places = out((high - low + 1,), "int32", 0)
    signed = codes.dtype == np.int8
    return guarded("k_count_codes", codes=codes, is_signed=signed, **shape, qmin=low, qmax=high, counts=places)


@pytest.mark.parametrize("size", [1, 3839, 3840, 5000])
@pytest.mark.parametrize(("low", "high"), [(-2, 1), (-128, -127), (100, 127), (-8, 7)])
def test_codes_that_are_not_in_use_are_not_counted(guarded, rng, out, low, high, size):
    codes = rng.integers(-128, 128, (1, 1, size)).astype(np.int8)
    counted = codes[(codes >= low) & (codes <= high)].astype(int) - low
    expected = np.bincount(counted, minlength=high - low + 1)
    np.testing.assert_array_equal(count(guarded, out, codes, low, high), expected)


@pytest.mark.parametrize("channel", [-1, 0, 2])
@pytest.mark.parametrize("shape", [(1, 3, 50), (4, 3, 7), (11, 3, 1), (1, 3, 4099)])
@pytest.mark.parametrize(("dtype", "low", "high"), [("int8", -128, 127), ("uint8", 0, 255), ("int8", -4, 3)])
def test_count_codes(guarded, rng, out, shape, channel, dtype, low, high):
    codes = rng.integers(low, high + 1, shape).astype(dtype)
    size = high - low + 1
    counts = count(guarded, out, codes.reshape(shape), low, high, channel)
    counted = codes if channel < 0 else codes[:, channel]
    np.testing.assert_array_equal(counts, np.bincount(counted.reshape(-1).astype(int) - low, minlength=size))


@pytest.mark.parametrize("at", [0, 3839, 3840, 9000])
def test_one_code_among_many_that_is_far_from_all_others(guarded, rng, out, at):
    codes = rng.integers(-128, -112, 9001).astype(np.int8)
    codes[at] = -112
    counts = count(guarded, out, codes.reshape(1, 1, -1), -128, 127)
    np.testing.assert_array_equal(counts, np.bincount(codes.astype(int) + 128, minlength=256))


@pytest.mark.parametrize(
    ("scale", "zero_point", "qmin", "qmax"), [(0.25, -1, -4, 3), (1e-3, 100, 0, 255), (9.0, 0, -2, 1)]
)
def test_centre_codes(guarded, out, scale, zero_point, qmin, qmax):
    scale, edges = float(np.float32(scale)), np.linspace(-2, 1, 121)
    grid = {"scale": scale, "zero_point": zero_point, "qmin": qmin, "qmax": qmax}
    codes = guarded("k_centre_codes", edges=edges, n=120, **grid, codes=out((120,), "int32"))
    centres = (edges[:-1] + edges[1:]) / 2
    np.testing.assert_array_equal(codes, np.clip(np.rint(centres / scale) + zero_point, qmin, qmax))


def test_reals(guarded, out):
    scale = float(np.float32(0.1))
    reals = guarded("k_reals", scale=scale, zero_point=-3, first=-128, n=256, reals=out((256,), "float64"))
    np.testing.assert_array_equal(reals, [scale * (code + 3) for code in range(-128, 128)])
