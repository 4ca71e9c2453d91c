"""k_pack_weights packs as playground.engines.packing does, so that both operands may be known only at run time."""

import numpy as np
import pytest

from playground.engines.packing import Values, pack, packed_bytes
from playground.programs import integer_ops as ops

CODES, ACCUMULATORS = 0, 2
DTYPES = ["uint8", "int8"]
SHAPES = [(1, 1, 1), (1, 8, 8), (1, 4, 16), (2, 5, 9), (3, 4, 3), (2, 12, 24), (1, 7, 17), (2, 3, 8), (1, 33, 8)]


def pack_in_kernel(multiplying, out, weights, zero_point, bias, by, *, transposed=False):
    """Weights (matrices, depth, columns) of codes -> packed, folded bias, shift."""
    matrices, depth, columns = weights.shape
    codes = weights.transpose(0, 2, 1) if transposed else weights
    strides = (1, depth) if transposed else (columns, 1)
    padded = (matrices, -(-columns // 8) * 8)
    return multiplying(
        "k_pack_weights",
        *(codes, int(weights.dtype == np.int8), zero_point.astype(np.int32), matrices, depth, columns, *strides),
        *(by.shifted_zero_point, bias, out((matrices * packed_bytes(depth, columns, by.dot),), "uint8")),
        *(out(padded, "int32"), out(padded, "int32")),
    )


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("matrices", "depth", "columns"), SHAPES)
def test_symmetric_weights_become_what_the_engine_makes_of_them(
    multiplying, out, rng, any_codes, matrices, depth, columns, transposed
):
    weights = any_codes(rng, (matrices, depth, columns), "int8")
    by = Values(False, 131, multiplying.dot)
    bias, zero_point = rng.integers(-(2**31), 2**31, columns).astype(np.int32), np.zeros((matrices, columns))
    octets, folded, shift = pack_in_kernel(multiplying, out, weights, zero_point, bias, by, transposed=transposed)
    expected = pack(weights.astype(np.int16), np.tile(bias, matrices), np.ones(matrices * columns, np.float32), by)
    np.testing.assert_array_equal(octets, expected.weights.reshape(-1))
    np.testing.assert_array_equal(folded, expected.bias)
    assert not shift.any()


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("a_dtype", DTYPES)
@pytest.mark.parametrize("w_dtype", DTYPES)
@pytest.mark.parametrize(("matrices", "depth", "columns"), [(1, 4, 8), (2, 5, 9), (3, 16, 17), (2, 1, 1)])
@pytest.mark.parametrize("rows", [1, 7])
def test_two_activations(
    multiplying, out, rng, any_codes, rows, matrices, depth, columns, w_dtype, a_dtype, transposed
):
    a, weights = any_codes(rng, (matrices, rows, depth), a_dtype), any_codes(rng, (matrices, depth, columns), w_dtype)
    za, zw = int(any_codes(rng, 3, a_dtype)[2]), any_codes(rng, (matrices, columns), w_dtype)
    bias = rng.integers(-5000, 5000, columns).astype(np.int32)
    by = Values(a_dtype == "int8", za, multiplying.dot)
    packed, folded, shift = pack_in_kernel(multiplying, out, weights, zw, bias, by, transposed=transposed)
    multiplier = np.zeros(folded.shape[1], np.float32)
    result, _ = multiplying(
        "k_gemm_s8",
        *(a, matrices, rows, depth, matrices, *by.source, packed, folded, shift, multiplier, columns),
        *(0.0, 0.0, 0, ACCUMULATORS, out((matrices, rows, columns), "int32"), out((by.scratch_bytes(depth),), "uint8")),
    )
    np.testing.assert_array_equal(result, ops.add_bias(ops.matmul_integer(a, weights, za, zw[:, None]), bias))


def test_extremes(multiplying, out):
    """All products are 255 * 255, with either sign."""
    a, weights = np.full((1, 2, 50), 255, np.uint8), np.full((1, 50, 9), 0, np.uint8)
    by = Values(False, 0, multiplying.dot)
    zero_point, bias = np.full((1, 9), 255), np.zeros(9, np.int32)
    packed, folded, shift = pack_in_kernel(multiplying, out, weights, zero_point, bias, by)
    result, _ = multiplying(
        "k_gemm_s8",
        *(a, 1, 2, 50, 1, *by.source, packed, folded, shift, np.zeros(16, np.float32), 9),
        *(0.0, 0.0, 0, ACCUMULATORS, out((1, 2, 9), "int32"), out((by.scratch_bytes(50),), "uint8")),
    )
    np.testing.assert_array_equal(result, np.full((1, 2, 9), -255 * 255 * 50))
