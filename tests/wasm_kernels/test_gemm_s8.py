"""k_pack_weights and k_gemm_s8 against integer_ops: below, at and above the 4 x 8 tile and the block of rows."""

import numpy as np
import pytest

from playground.engines import integer_ops as ops
from playground.engines.lowering import BLOCK_ROWS, packed

CODES, FLOATS, ACCUMULATORS = 0, 1, 2
DTYPES = ["uint8", "int8"]


def codes(rng, shape, dtype):
    """Any codes, the extremes among them."""
    limits = np.iinfo(dtype)
    made = rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)
    made.reshape(-1)[:2] = [limits.min, limits.max][: made.size]
    return made


def run(guarded, out, a, weights, bias, multiplier, za, to, kind):
    """The kernel's result for codes ``a``, int16 ``weights`` (K, N)."""
    (rows, depth), columns = a.shape, weights.shape[1]
    dtype = {CODES: to.dtype, FLOATS: "float32", ACCUMULATORS: "int32"}[kind]
    scratch = out((BLOCK_ROWS, depth + depth % 2), "int16")
    product = (packed(weights[None]), bias, multiplier, columns, to.lo, to.hi, to.zero_point, kind)
    source = (a, rows, depth, int(a.dtype == np.int8), za)
    return guarded("k_gemm_s8", *source, *product, out((rows, columns), dtype), scratch)[0]


@pytest.mark.parametrize("a_dtype", DTYPES)
@pytest.mark.parametrize("y_dtype", DTYPES)
@pytest.mark.parametrize(
    ("rows", "depth", "columns"),
    [
        (1, 1, 1),
        (3, 7, 5),
        (4, 8, 8),
        (5, 9, 9),
        (32, 16, 16),
        (33, 31, 17),
        (1, 64, 24),
        (67, 2, 8),
        (2, 3, 41),
        (3, 4, 7),
    ],
)
def test_gemm(guarded, out, rng, rows, depth, columns, y_dtype, a_dtype):
    a, weights = codes(rng, (rows, depth), a_dtype), codes(rng, (depth, columns), "int8").astype(np.int16)
    za, zy = int(codes(rng, 3, a_dtype)[2]), int(codes(rng, 3, y_dtype)[2])
    bias = rng.integers(-5000, 5000, columns).astype(np.int32)
    multiplier = rng.uniform(1e-4, 2e-2, columns).astype(np.float32)
    limits = np.iinfo(y_dtype)
    to = ops.Target(y_dtype, zy, float(limits.min - zy), float(limits.max - zy))
    expected = ops.requantize(ops.add_bias(ops.matmul_integer(a, weights, za), bias), multiplier, to)
    result = run(guarded, out, a, weights, bias, multiplier, za, to, CODES)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(("za", "code"), [(0, 255), (255, 0)])
@pytest.mark.parametrize("weight", [-255, 255])
def test_accumulators_at_the_extremes(guarded, out, za, code, weight):
    a, weights = np.full((5, 300), code, np.uint8), np.full((300, 9), weight, np.int16)
    bias = np.full(9, 7, np.int32)
    result = run(guarded, out, a, weights, bias, np.ones(9, np.float32), za, ops.Target("uint8"), ACCUMULATORS)
    np.testing.assert_array_equal(result, np.full((5, 9), (code - za) * weight * 300 + 7))


def test_bias_wraps_as_int32(guarded, out):
    a, weights = np.ones((1, 2), np.uint8), np.ones((2, 9), np.int16)
    bias = np.full(9, 2**31 - 1, np.int32)
    result = run(guarded, out, a, weights, bias, np.ones(9, np.float32), 0, ops.Target("uint8"), ACCUMULATORS)
    np.testing.assert_array_equal(result, np.full((1, 9), -(2**31) + 1))


def test_floats_are_scaled_and_clamped_but_not_rounded(guarded, out, rng):
    a, weights = codes(rng, (6, 5), "uint8"), codes(rng, (5, 11), "int8").astype(np.int16)
    multiplier = rng.uniform(1e-4, 1e-2, 11).astype(np.float32)
    to = ops.Target("float32", 0, 0.0, 6.5)
    result = run(guarded, out, a, weights, np.zeros(11, np.int32), multiplier, 128, to, FLOATS)
    np.testing.assert_array_equal(result, ops.requantize(ops.matmul_integer(a, weights, 128), multiplier, to))
    assert (result % 1 != 0).any()


def test_ties_round_to_even(guarded, out):
    """Sums -4..4 times one half: -1.5 and -0.5 and 0.5 and 1.5 tell half-to-even from every other rule."""
    a, weights = np.arange(9, dtype=np.uint8)[:, None], np.ones((1, 9), np.int16)
    to = ops.Target("int8", 0, -128.0, 127.0)
    result = run(guarded, out, a, weights, np.zeros(9, np.int32), np.full(9, 0.5, np.float32), 4, to, CODES)
    np.testing.assert_array_equal(result[:, 0], [-2, -2, -1, 0, 0, 0, 1, 2, 2])
    np.testing.assert_array_equal(result, np.broadcast_to(result[:, :1], (9, 9)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("groups", "depth", "columns"), [(1, 1, 1), (1, 8, 8), (2, 5, 9), (3, 4, 3)])
def test_packing_takes_zero_points_off_and_fills_with_zeros(guarded, out, rng, groups, depth, columns, dtype):
    weights = codes(rng, (groups, depth, columns), dtype)
    zero_point = codes(rng, (groups, columns), dtype).astype(np.int32)
    expected = packed(weights.astype(np.int16) - zero_point[:, None].astype(np.int16))
    signed = int(dtype == "int8")
    result = guarded(
        "k_pack_weights", weights, signed, zero_point, groups, depth, columns, out(expected.shape, "int16")
    )
    np.testing.assert_array_equal(result, expected)
