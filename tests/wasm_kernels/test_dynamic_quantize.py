"""k_dynamic_range and k_dynamic_quantize against playground.programs.dynamic_ops."""

import numpy as np
import pytest

from playground.programs import dynamic_ops

RANGES = {
    "both signs": (-3, 5),
    "positive": (2, 9),
    "negative": (-9, -2),
    "zeros": (0, 0),
    "one value": (4, 4),
    "tiny": (-1e-38, 1e-37),
    "subnormal": (0, 1e-40),
    "scale that rounds to 0": (0, 1e-44),
    "negative, scale that rounds to 0": (-1e-44, 0),
    "both signs, scale that rounds to 0": (-1e-44, 1e-44),
    "wide": (-1e38, 2e38),
}


def check(guarded, out, x):
    found = guarded("k_dynamic_range", x=x, n=x.size, range=out((2,), "float32"))
    np.testing.assert_array_equal(found, dynamic_ops.dynamic_range(x))
    codes = guarded("k_dynamic_quantize", x=x, n=x.size, range=found, codes=out((x.size,), "uint8"))
    np.testing.assert_array_equal(codes, dynamic_ops.dynamic_quantize(x, found))


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


@pytest.mark.parametrize("n", [1, 15, 40])
def test_nan_is_no_part_of_the_range_and_gets_the_first_code(guarded, out, n):
    x = np.append(np.linspace(-1, 2, n), [np.nan]).astype(np.float32)
    check(guarded, out, x)
    assert dynamic_ops.dynamic_quantize(x, dynamic_ops.dynamic_range(x))[-1] == 0
