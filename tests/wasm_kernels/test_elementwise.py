"""k_add_s8 and k_lookup against playground.programs.integer_ops and NumPy."""

import numpy as np
import pytest

from playground.programs import integer_ops as ops

EVERY_CODE = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("b_dtype", ["uint8", "int8"])
@pytest.mark.parametrize("a_dtype", ["uint8", "int8"])
@pytest.mark.parametrize("n", [1, 7, 8, 9, 256])
def test_add(guarded, epilogue, rng, n, a_dtype, b_dtype):
    a, b = EVERY_CODE[:n].view(a_dtype), rng.permutation(EVERY_CODE)[:n].view(b_dtype)
    points, ratios = (int(a[n // 2]), int(b[0])), (np.float32(0.37), np.float32(1.5))
    to = ops.Target("int8", -5, -100.0, 132.0)
    sources = {"a_signed": a_dtype == "int8", "za": points[0], "b_signed": b_dtype == "int8", "zb": points[1]}
    result = guarded("k_add_s8", a=a, b=b, n=n, **sources, ra=ratios[0], rb=ratios[1], to=epilogue(to, (n,)))
    np.testing.assert_array_equal(result, ops.add(a, b, points, ratios, to))


def test_add_can_give_floats(guarded, epilogue):
    a = EVERY_CODE[:19]
    to = ops.Target("float32", 0, -1.0, 3.25)
    sources, ratios = {"a_signed": 0, "za": 4, "b_signed": 0, "zb": 7}, {"ra": np.float32(0.1), "rb": np.float32(0.3)}
    result = guarded("k_add_s8", a=a, b=a, n=19, **sources, **ratios, to=epilogue(to, (19,)))
    np.testing.assert_array_equal(result, ops.add(a, a, (4, 7), (np.float32(0.1), np.float32(0.3)), to))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_lookup(guarded, out, rng, dtype):
    codes = rng.permutation(EVERY_CODE).view(np.int8)
    table = (rng.random(256) * 255).astype(dtype)
    result = guarded("k_lookup", octets=codes, n=256, table=table, width=table.itemsize, out=out((256,), dtype))
    np.testing.assert_array_equal(result, ops.lookup(codes, table))
