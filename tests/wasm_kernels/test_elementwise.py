"""k_add_s8 and k_lookup against playground.programs.integer_ops and NumPy."""

import numpy as np
import pytest

from playground.programs import integer_ops as ops

EVERY_CODE = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("b_dtype", ["uint8", "int8"])
@pytest.mark.parametrize("a_dtype", ["uint8", "int8"])
@pytest.mark.parametrize("n", [1, 7, 8, 9, 256])
def test_add(guarded, out, rng, n, a_dtype, b_dtype):
    a, b = EVERY_CODE[:n].view(a_dtype), rng.permutation(EVERY_CODE)[:n].view(b_dtype)
    points, ratios = (int(a[n // 2]), int(b[0])), (np.float32(0.37), np.float32(1.5))
    to = ops.Target("int8", -5, -100.0, 132.0)
    sources = (int(a_dtype == "int8"), points[0], int(b_dtype == "int8"), points[1])
    result = guarded("k_add_s8", a, b, n, *sources, *ratios, to.lo, to.hi, -5, 0, out((n,), "int8"))
    np.testing.assert_array_equal(result, ops.add(a, b, points, ratios, to))


def test_add_can_give_floats(guarded, out):
    a = EVERY_CODE[:19]
    to = ops.Target("float32", 0, -1.0, 3.25)
    result = guarded(
        "k_add_s8", a, a, 19, 0, 4, 0, 7, np.float32(0.1), np.float32(0.3), to.lo, to.hi, 0, 1, out((19,), "float32")
    )
    np.testing.assert_array_equal(result, ops.add(a, a, (4, 7), (np.float32(0.1), np.float32(0.3)), to))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_lookup(guarded, out, rng, dtype):
    codes = rng.permutation(EVERY_CODE).view(np.int8)
    table = (rng.random(256) * 255).astype(dtype)
    result = guarded("k_lookup", codes, 256, table, table.itemsize, out((256,), dtype))
    np.testing.assert_array_equal(result, ops.lookup(codes, table))
