"""k_gemm_s8 against integer_ops, with weights packed as the engine packs them, in every way there is to multiply.

Shapes lie below, at and above the tiles (4 or 6 rows, 8 or 16 columns, steps of 2 or 4) and the block of 24 rows.
"""

from dataclasses import replace

import numpy as np
import pytest

from playground.operators._products import AddedRow
from playground.programs import integer_ops as ops
from playground.programs.packing import Values, pack

DTYPES = ["uint8", "int8"]
SHAPES = [
    *[(rows, 5, 9) for rows in (1, 2, 3, 4, 5, 6, 7, 23, 24, 25, 31)],
    *[(7, depth, 8) for depth in (1, 2, 3, 4, 6, 7, 8, 9, 15, 16, 17, 33)],
    *[(rows, 12, columns) for rows in (1, 5) for columns in (1, 7, 8, 15, 16, 17, 24, 31, 32, 33)],
    *[(1, depth, 17) for depth in (1, 3, 4, 8, 12, 20)],
    (1, 1, 1),
    (49, 64, 40),
]


@pytest.fixture
def run(multiplying, epilogue, product, out):
    """The kernel's result for codes ``a`` (rows, depth) or (batch, rows, depth), int16 ``weights`` (depth, columns)."""

    def call(a, weights, bias, multiplier, za, to, codes=None, **added):
        rows, (depth, columns) = a.shape[-2], weights.shape
        by = Values(a.dtype == np.int8, za, multiplying.dot)
        packed = pack(weights[None], bias, multiplier, by)
        counts = {"batch": a.size // (rows * depth), "rows": rows, "depth": depth, "matrices": 1}
        result = multiplying(
            "k_gemm_s8",
            codes=a if codes is None else codes,
            **counts,
            source=by.source,
            product=product(packed, columns, epilogue(to, (*a.shape[:-1], columns)), **added),
            scratch=out((by.scratch_bytes(depth),), "uint8"),
        )
        return result[0]

    return call


def expect(a, weights, bias, multiplier, za, to):
    return ops.requantize(ops.add_bias(ops.matmul_integer(a, weights, za), bias), multiplier, to)


def target(dtype, zero_point):
    limits = np.iinfo(dtype)
    return ops.Target(dtype, zero_point, float(limits.min - zero_point), float(limits.max - zero_point))


@pytest.mark.parametrize(("a_dtype", "y_dtype"), [("uint8", "int8"), ("int8", "uint8")])
@pytest.mark.parametrize(("rows", "depth", "columns"), SHAPES)
def test_gemm(run, rng, any_codes, rows, depth, columns, y_dtype, a_dtype):
    a, weights = any_codes(rng, (rows, depth), a_dtype), any_codes(rng, (depth, columns), "int8").astype(np.int16)
    za, zy = int(any_codes(rng, 3, a_dtype)[2]), int(any_codes(rng, 3, y_dtype)[2])
    bias = rng.integers(-5000, 5000, columns).astype(np.int32)
    multiplier = rng.uniform(1e-4, 2e-2, columns).astype(np.float32)
    to = target(y_dtype, zy)
    result = run(a, weights, bias, multiplier, za, to)
    np.testing.assert_array_equal(result, expect(a, weights, bias, multiplier, za, to))


@pytest.mark.parametrize("limits", [(-128, 127), (0, 127), (-20.5, 30.5)])
@pytest.mark.parametrize(("a_dtype", "y_dtype"), [("uint8", "int8"), ("int8", "uint8")])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 16), (2, 17), (5, 8), (25, 23), (7, 33)])
def test_a_row_is_added_to_the_codes(run, rng, any_codes, rows, columns, y_dtype, a_dtype, limits):
    a, weights = any_codes(rng, (rows, 12), a_dtype), any_codes(rng, (12, columns), "int8").astype(np.int16)
    bias = rng.integers(-5000, 5000, columns).astype(np.int32)
    multiplier = rng.uniform(1e-3, 2e-2, columns).astype(np.float32)
    before, to = ops.Target("int8", 0, *limits), target(y_dtype, int(any_codes(rng, 3, y_dtype)[2]))
    added = AddedRow(rng.normal(0, 30, columns).astype(np.float32), np.float32(0.7), to)
    padding = np.zeros(-columns % 8, np.float32)
    given = {"added": np.concatenate([added.row, padding]), "ratio": added.ratio}
    given |= {"inner_lo": limits[0], "inner_hi": limits[1]}
    result = run(a, weights, bias, multiplier, 3, to, **given)
    np.testing.assert_array_equal(result, added.finish(expect(a, weights, bias, multiplier, 3, before), before))


@pytest.mark.parametrize("a_dtype", DTYPES)
@pytest.mark.parametrize("w_dtype", DTYPES)
@pytest.mark.parametrize("end", ["min", "max"])
@pytest.mark.parametrize("rows", [1, 8])
def test_zero_points_at_the_ends(run, rng, any_codes, rows, end, w_dtype, a_dtype):
    """Offsets of weights reach -255 or 255: no int8, and each column has a zero-point of its own."""
    a, codes = any_codes(rng, (rows, 13), a_dtype), any_codes(rng, (13, 20), w_dtype)
    zero_points = rng.integers(*(np.iinfo(w_dtype).min, np.iinfo(w_dtype).max), 20)
    zero_points[::3] = getattr(np.iinfo(w_dtype), end)
    weights = (codes.astype(np.int32) - zero_points).astype(np.int16)
    bias, to = rng.integers(-5000, 5000, 20).astype(np.int32), ops.Target("int32")
    za = int(getattr(np.iinfo(a_dtype), end))
    result = run(a, weights, bias, np.ones(20, np.float32), za, to)
    np.testing.assert_array_equal(result, ops.add_bias(ops.matmul_integer(a, codes, za, zero_points), bias))


@pytest.mark.parametrize(("za", "code"), [(0, 255), (255, 0), (128, 255), (127, 0)])
@pytest.mark.parametrize("weight", [-255, -128, 127, 255])
@pytest.mark.parametrize("rows", [1, 5])
def test_extremes_overflow_int16(run, rows, weight, za, code):
    a, weights = np.full((rows, 300), code, np.uint8), np.full((300, 9), weight, np.int16)
    bias = np.full(9, 7, np.int32)
    result = run(a, weights, bias, np.ones(9, np.float32), za, ops.Target("int32"))
    np.testing.assert_array_equal(result, np.full((rows, 9), (code - za) * weight * 300 + 7))


@pytest.mark.parametrize("rows", [1, 2])
def test_bias_wraps_as_int32(run, rows):
    a, weights = np.ones((rows, 2), np.uint8), np.ones((2, 17), np.int16)
    bias = np.full(17, 2**31 - 1, np.int32)
    result = run(a, weights, bias, np.ones(17, np.float32), 0, ops.Target("int32"))
    np.testing.assert_array_equal(result, np.full((rows, 17), -(2**31) + 1))


@pytest.mark.parametrize("columns", [8, 11])
def test_floats_are_scaled_and_clamped_but_not_rounded(run, rng, any_codes, columns):
    a, weights = any_codes(rng, (6, 5), "uint8"), any_codes(rng, (5, columns), "int8").astype(np.int16)
    bias, multiplier = np.zeros(columns, np.int32), rng.uniform(1e-4, 1e-2, columns).astype(np.float32)
    to = ops.Target("float32", 0, 0.0, 6.5)
    result = run(a, weights, bias, multiplier, 128, to)
    np.testing.assert_array_equal(result, expect(a, weights, bias, multiplier, 128, to))
    assert (result % 1 != 0).any()


def test_ties_round_to_even_and_the_zero_point_comes_after(run):
    """Sums -4..4 times one half: -1.5 and -0.5 and 0.5 and 1.5 tell half-to-even from every other rule."""
    a, weights = np.arange(9, dtype=np.uint8)[:, None], np.ones((1, 9), np.int16)
    to = target("int8", 1)
    result = run(a, weights, np.zeros(9, np.int32), np.full(9, 0.5, np.float32), 4, to)
    np.testing.assert_array_equal(result[:, 0], np.array([-2, -2, -1, 0, 0, 0, 1, 2, 2]) + 1)
    np.testing.assert_array_equal(result, np.broadcast_to(result[:, :1], (9, 9)))


def test_huge_sums_saturate(run):
    """Sums beyond 2^22 times 1: what the rounding trick alone would get wrong."""
    a, weights = np.array([[0] * 400, [255] * 400], np.uint8), np.full((400, 8), 127, np.int16)
    to = target("int8", -3)
    result = run(a, weights, np.zeros(8, np.int32), np.ones(8, np.float32), 128, to)
    np.testing.assert_array_equal(result, [[-128] * 8, [127] * 8])


LIMITS = [
    ("int8", -128, 0.0, 255.0),
    ("int8", 127, -255.0, 0.0),
    ("uint8", 255, -255.0, 0.0),
    ("uint8", 128, -0.5, 6.5),
    ("int8", 0, -2.5, 3.5),
    ("int8", -7, 0.4, 0.4),
]
"""Type, zero-point, lo and hi. Limits that no code lies at are rounded like values."""


@pytest.mark.parametrize(("dtype", "zero_point", "lo", "hi"), LIMITS)
@pytest.mark.parametrize("rows", [1, 3])
def test_any_sum_times_any_finite_multiplier(run, rng, rows, dtype, zero_point, lo, hi):
    """Around ties, limits, 2^22, 2^23 and the ends of int32, where rounding by a sum or comparing bits could go wrong.

    The sums are biases, each with multipliers up to where the product is infinite; the last strip is not whole.
    """
    powers = [1 << n for n in range(31)]
    near = [sign * power + off for power in powers for sign in (1, -1) for off in (-1, 0, 1)]
    sums = np.array([*near, 2**31 - 1, -(2**31), *rng.integers(-(2**31), 2**31, 99)])
    factors = [0, 1e-45, 1e-30, 0.004, 0.25, 0.5, 1, 1.5, 4096, 1e30, np.finfo(np.float32).max]
    factors = np.array([sign * factor for factor in factors for sign in (1, -1)], np.float32)
    bias, multiplier = (grid.ravel() for grid in np.meshgrid(sums.astype(np.int32), factors))
    assert bias.size % 8 != 0
    a, weights = np.full((rows, 1), 3, np.uint8), np.ones((1, bias.size), np.int16)
    to = ops.Target(dtype, zero_point, lo, hi)
    with np.errstate(over="ignore"):
        expected = expect(a, weights, bias, multiplier, 3, to)
    np.testing.assert_array_equal(run(a, weights, bias, multiplier, 3, to), expected)


@pytest.mark.parametrize("depth", [3, 8])
def test_a_batch_multiplies_by_the_same_matrix(run, rng, any_codes, depth):
    a, weights = any_codes(rng, (3, 5, depth), "uint8"), any_codes(rng, (depth, 9), "int8").astype(np.int16)
    bias, multiplier, to = np.arange(9, dtype=np.int32), np.full(9, 0.01, np.float32), target("uint8", 7)
    result = run(a, weights, bias, multiplier, 3, to)
    np.testing.assert_array_equal(result, expect(a, weights, bias, multiplier, 3, to))


@pytest.mark.parametrize("a_dtype", DTYPES)
@pytest.mark.parametrize("columns", [3, 8, 9])
def test_every_matrix_of_a_batch_has_its_own_weights_bias_and_shift(
    multiplying, out, product, epilogue, rng, any_codes, columns, a_dtype
):
    """Offsets beyond int8 in the second matrix alone; biases that differ from matrix to matrix."""
    a, weights = any_codes(rng, (3, 5, 7), a_dtype), any_codes(rng, (3, 7, columns), "int8").astype(np.int16)
    weights[1] = np.abs(weights[1]) + 100
    bias = rng.integers(-5000, 5000, (3, columns)).astype(np.int32)
    by, one = Values(a_dtype == "int8", 9, multiplying.dot), np.ones(3 * columns, np.float32)
    packed = pack(weights, bias.reshape(-1), one, by)
    packed = replace(packed, multiplier=packed.multiplier[:1])
    sums = multiplying(
        "k_gemm_s8",
        codes=a,
        **{"batch": 3, "rows": 5, "depth": 7, "matrices": 3},
        source=by.source,
        product=product(packed, columns, epilogue(ops.Target("int32"), (3, 5, columns))),
        scratch=out((by.scratch_bytes(7),), "uint8"),
    )[0]
    np.testing.assert_array_equal(sums, ops.add_bias(ops.matmul_integer(a, weights, 9), bias[:, None]))


@pytest.mark.parametrize("a_dtype", DTYPES)
@pytest.mark.parametrize("skew", [1, 2, 3])
def test_unaligned_codes(run, multiplying, rng, any_codes, skew, a_dtype):
    """Rows that begin at any address: the codes are the end of a longer buffer."""
    held, weights = any_codes(rng, (2, 16), a_dtype), any_codes(rng, (8, 9), "int8").astype(np.int16)
    a = held.reshape(-1)[skew : skew + 24].reshape(3, 8)
    bias, multiplier, to = np.zeros(9, np.int32), np.full(9, 0.01, np.float32), target("uint8", 128)
    result = run(a, weights, bias, multiplier, 5, to, multiplying.at(held, skew))
    np.testing.assert_array_equal(result, expect(a, weights, bias, multiplier, 5, to))
