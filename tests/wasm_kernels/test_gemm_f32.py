"""k_gemm_f32 against the sum it states: over depth in order, in float32, never fused."""

import numpy as np
import pytest

from playground.programs import float_products
from playground.programs.fast_products import plain_scratch
from playground.programs.float_products import Finish, pack_floats, padded_columns

SHAPES = [
    *[(1, 1, 1), (4, 8, 8), (3, 7, 7), (5, 13, 9), (9, 64, 24), (6, 0, 5)],
    *[(1, 9, 32), (2, 5, 31), (3, 4, 41), (7, 3, 40), (8, 255, 8), (61, 33, 34), (1, 6, 70), (4, 2, 66)],
]


def reference(x, weights, bias, alpha, lo, hi):
    """Written anew, element by element."""
    total = np.zeros((x.shape[0], weights.shape[1]), np.float32)
    for k in range(x.shape[1]):
        total += x[:, k : k + 1] * weights[k]
    return np.clip(total * np.float32(alpha) + bias, np.float32(lo), np.float32(hi))


def floats(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def called(run, x, weights, *, packed, out, finish):
    """The kernel on x (batch, rows, depth) and weights (matrices, depth, columns)."""
    (batch, rows, depth), (matrices, _, columns) = x.shape, weights.shape
    given = {
        "weights": pack_floats(weights).weights if packed else weights,
        "bias": padded_columns(finish.bias),
        "columns": columns,
        "alpha": finish.alpha,
        "lo": finish.limits[0],
        "hi": finish.limits[1],
        "out": out((batch, rows, columns), "float32"),
    }
    counts = {"batch": batch, "rows": rows, "depth": depth, "matrices": matrices, "is_packed": int(packed)}
    scratch = None if packed else out((plain_scratch(depth),), "uint8")
    made = run("k_gemm_f32", x=x, **counts, product=given, scratch=scratch)
    return made if packed else made[0]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(("rows", "depth", "columns"), SHAPES)
@pytest.mark.parametrize(("alpha", "lo", "hi"), [(1.0, -np.inf, np.inf), (0.3, 0.0, 1.5)])
def test_gemm_f32(guarded, out, rng, rows, depth, columns, alpha, lo, hi, packed):
    x, weights, bias = floats(rng, rows, depth), floats(rng, depth, columns), floats(rng, columns)
    finish = Finish(bias, np.float32(alpha), (lo, hi))
    result = called(guarded, x[None], weights[None], packed=packed, out=out, finish=finish)
    np.testing.assert_array_equal(result[0], reference(x, weights, bias, alpha, lo, hi))
    np.testing.assert_array_equal(result[0], float_products.product(x, weights, finish))


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("matrices", [1, 3])
@pytest.mark.parametrize(("rows", "columns"), [(1, 11), (7, 9)])
def test_a_batch_takes_one_matrix_or_one_each(guarded, out, rng, matrices, rows, columns, packed):
    x, weights, bias = floats(rng, 3, rows, 10), floats(rng, matrices, 10, columns), floats(rng, columns)
    result = called(guarded, x, weights, packed=packed, out=out, finish=Finish(bias))
    for n in range(3):
        own = weights[n % matrices]
        np.testing.assert_array_equal(result[n], reference(x[n], own, bias, 1, -np.inf, np.inf))


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("rows", [1, 5])
def test_limits_keep_nan(guarded, out, rows, packed):
    x, weights = np.full((1, rows, 2), np.nan, np.float32), np.ones((1, 2, 9), np.float32)
    finish = Finish(np.zeros(9, np.float32), np.float32(1), (0.0, 6.0))
    assert np.isnan(called(guarded, x, weights, packed=packed, out=out, finish=finish)).all()
