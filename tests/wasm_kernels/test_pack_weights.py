"""k_pack_weights packs as playground.programs.packing does, so that both operands may be known only at run time."""

import numpy as np
import pytest

from playground.programs import integer_ops as ops
from playground.programs.lowering import NOTHING_ADDED
from playground.programs.packing import Values, pack, packed_bytes

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
        codes=np.ascontiguousarray(codes),
        is_signed=weights.dtype == np.int8,
        zero_point=zero_point.astype(np.int32),
        **{"matrices": matrices, "depth": depth, "columns": columns},
        **{"depth_stride": strides[0], "column_stride": strides[1]},
        value_zero_point=by.shifted_zero_point,
        bias=bias,
        packed=out((matrices * packed_bytes(depth, columns, by.dot),), "uint8"),
        **{name: out(padded, "int32") for name in ("folded", "shift")},
    )


def sums(multiplying, epilogue, out, a, packed, columns, by):
    """int32 (matrices, rows, columns) of codes (matrices, rows, depth) times what pack_in_kernel gave."""
    matrices, rows, depth = a.shape
    weights, folded, shift = packed
    to = epilogue(ops.Target("int32"), (matrices, rows, columns))
    product = {"weights": weights, "bias": folded, "shift": shift, **NOTHING_ADDED, "columns": columns, "to": to}
    product["multiplier"] = np.zeros(folded.shape[1], np.float32)
    counts = {"batch": matrices, "rows": rows, "depth": depth, "matrices": matrices}
    scratch = out((by.scratch_bytes(depth),), "uint8")
    return multiplying("k_gemm_s8", codes=a, **counts, source=by.source, product=product, scratch=scratch)[0]


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
    multiplying, epilogue, out, rng, any_codes, rows, matrices, depth, columns, w_dtype, a_dtype, transposed
):
    a, weights = any_codes(rng, (matrices, rows, depth), a_dtype), any_codes(rng, (matrices, depth, columns), w_dtype)
    za, zw = int(any_codes(rng, 3, a_dtype)[2]), any_codes(rng, (matrices, columns), w_dtype)
    bias = rng.integers(-5000, 5000, columns).astype(np.int32)
    by = Values(a_dtype == "int8", za, multiplying.dot)
    packed = pack_in_kernel(multiplying, out, weights, zw, bias, by, transposed=transposed)
    result = sums(multiplying, epilogue, out, a, packed, columns, by)
    np.testing.assert_array_equal(result, ops.add_bias(ops.matmul_integer(a, weights, za, zw[:, None]), bias))


def test_extremes(multiplying, epilogue, out):
    """All products are 255 * 255, with either sign."""
    a, weights = np.full((1, 2, 50), 255, np.uint8), np.full((1, 50, 9), 0, np.uint8)
    by = Values(False, 0, multiplying.dot)
    zero_point, bias = np.full((1, 9), 255), np.zeros(9, np.int32)
    packed = pack_in_kernel(multiplying, out, weights, zero_point, bias, by)
    result = sums(multiplying, epilogue, out, a, packed, 9, by)
    np.testing.assert_array_equal(result, np.full((1, 2, 9), -255 * 255 * 50))
