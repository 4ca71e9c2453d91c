"""Products of float32 in NumPy: in a stated order, near to what float64 gives."""

import numpy as np
import pytest

from playground.programs import float_products as fp
from playground.programs.float_products import Finish
from playground.programs.integer_ops import Window

RNG = np.random.default_rng(6)


def floats(*shape):
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 40, 3), (5000, 9, 11), (2, 30, 70000)])
def test_sums_are_formed_in_the_order_of_the_depth(shape):
    rows, depth, columns = shape
    x, weights = floats(rows, depth), floats(depth, columns)
    found = fp.ordered_sums(x, weights)
    for row, column in ((0, 0), (rows - 1, columns - 1), (rows // 2, columns // 3)):
        total = np.float32(0)
        for k in range(depth):
            total = total + x[row, k] * weights[k, column]
        assert found[row, column] == total


def test_leading_axes_broadcast():
    x, weights, finish = floats(3, 1, 4, 5), floats(2, 5, 6), Finish(floats(6), np.float32(2), (-1.0, 1.5))
    found = fp.product(x, weights, finish)
    expected = np.clip(x.astype(np.float64) @ weights.astype(np.float64) * 2 + finish.bias, -1, 1.5)
    assert found.shape == (3, 2, 4, 6)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_many_lines_are_gathered_in_parts(monkeypatch):
    x, weights, window = floats(2, 3, 9, 8), floats(4, 3, 3, 3), Window((3, 3), (9, 8), pads=(1, 1))
    finish = Finish(floats(4))
    whole = fp.conv(x, weights, window, 1, finish)
    monkeypatch.setattr(fp, "_ROW_VALUES", 500)
    np.testing.assert_array_equal(fp.conv(x, weights, window, 1, finish), whole)


def test_limits_keep_nan():
    v = np.float32([np.nan, -3, 0, 9, np.inf, -np.inf])
    np.testing.assert_array_equal(fp.limited(v, (0.0, 6.0)), np.float32([np.nan, 0, 0, 6, 6, 0]))


def test_a_smaller_scale_is_part_of_the_factor_and_the_bias():
    sums, finish = floats(5, 3), Finish(floats(3), np.float32(3))
    scaled = finish.over(np.float32(0.5), (-4.0, 4.0)).of(sums)
    np.testing.assert_allclose(scaled, np.clip(finish.of(sums) * 2, -4, 4), rtol=1e-6)


@pytest.mark.parametrize(
    ("window", "size", "inside"),
    [
        (Window((3, 3), (4, 5)), (6, 7), True),
        (Window((3, 3), (4, 5)), (5, 7), False),
        (Window((3, 3), (4, 5), pads=(0, 1)), (6, 7), False),
        (Window((2, 2), (3, 3), (2, 2), (3, 3)), (8, 8), True),
        (Window((2, 2), (3, 3), (2, 2), (3, 3)), (7, 8), False),
    ],
)
def test_whether_windows_see_padding(window, size, inside):
    assert fp.is_inside(window, size) == inside
