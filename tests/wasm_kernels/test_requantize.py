"""k_requantize against playground.engines.integer_ops."""

import numpy as np
import pytest

from playground.engines import integer_ops as ops

CODES, FLOATS, ACCUMULATORS = range(3)


@pytest.mark.parametrize("to", [ops.Target("int8", -4, -124.0, 131.0), ops.Target("float32", 0, -1e5, 1e6)])
@pytest.mark.parametrize("columns", [1, 7, 8, 9, 40])
def test_sums(guarded, out, rng, columns, to):
    sums = rng.integers(-(2**31), 2**31, (3, columns)).astype(np.int32)
    sums[1] //= 2**20
    bias = rng.integers(-(2**31), 2**31, columns).astype(np.int32)
    multiplier = rng.uniform(1e-8, 1e-2, columns).astype(np.float32)
    kind = FLOATS if to.dtype == "float32" else CODES
    result = guarded(
        *("k_requantize", sums, *sums.shape, bias, multiplier),
        *(to.lo, to.hi, to.zero_point, kind, out(sums.shape, to.dtype)),
    )
    np.testing.assert_array_equal(result, ops.requantize(ops.add_bias(sums, bias), multiplier, to))


def test_sums_alone(guarded, out, rng):
    sums, bias = (rng.integers(-(2**31), 2**31, n).astype(np.int32) for n in (19, 19))
    ones = np.ones(19, np.float32)
    result = guarded("k_requantize", sums, 1, 19, bias, ones, 0.0, 0.0, 0, ACCUMULATORS, out((19,), "int32"))
    np.testing.assert_array_equal(result, ops.add_bias(sums, bias))
