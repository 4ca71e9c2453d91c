"""k_dynamic_quantize and k_scale_floats against playground.engines.row_ops and NumPy."""

import numpy as np
import pytest

from playground.engines import row_ops

RANGES = {
    "both signs": (-3, 5),
    "positive": (2, 9),
    "negative": (-9, -2),
    "zeros": (0, 0),
    "one value": (4, 4),
    "tiny": (-1e-38, 1e-37),
    "subnormal": (0, 1e-40),
    "wide": (-1e38, 2e38),
}


def check(guarded, out, x):
    scale, zero_point, codes = guarded(
        "k_dynamic_quantize", x, x.size, out((1,), "float32"), out((1,), "int32"), out((x.size,), "uint8")
    )
    expected = row_ops.dynamic_quantize(x)
    np.testing.assert_array_equal(scale, expected[1])
    np.testing.assert_array_equal(zero_point, expected[2])
    np.testing.assert_array_equal(codes, expected[0])


@pytest.mark.parametrize("n", [1, 7, 8, 9, 15, 16, 17, 100])
@pytest.mark.parametrize("ends", RANGES)
def test_dynamic_quantize(guarded, out, rng, ends, n):
    x = rng.uniform(*RANGES[ends], n).astype(np.float32)
    x[:2] = RANGES[ends][:n]
    check(guarded, out, rng.permutation(x))


@pytest.mark.parametrize("n", [9, 64])
def test_the_extremes_are_found_wherever_they_are(guarded, out, n):
    for i in range(n):
        x = np.full(n, 0.5, np.float32)
        x[i] = -3
        check(guarded, out, x)
        check(guarded, out, -x)


def test_ties_go_to_even_steps(guarded, out):
    check(guarded, out, np.append(np.arange(-255, 255) / np.float32(2), [np.float32(127.5)]).astype(np.float32))


@pytest.mark.parametrize("n", [1, 3, 4, 5, 19])
def test_scale_floats(guarded, out, rng, n):
    x, by = rng.normal(size=n).astype(np.float32), np.array([0.37], np.float32)
    np.testing.assert_array_equal(guarded("k_scale_floats", x, n, by, out((n,), "float32")), x * by)
