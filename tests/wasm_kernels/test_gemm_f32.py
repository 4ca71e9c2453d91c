"""k_gemm_f32 against the sum it states: over depth in order, in float32, never fused."""

import numpy as np
import pytest


def reference(x, weights, bias, lo, hi):
    total = np.zeros((x.shape[0], weights.shape[1]), np.float32)
    for k in range(x.shape[1]):
        total += x[:, k : k + 1] * weights[k]
    return np.clip(total + bias, np.float32(lo), np.float32(hi))


@pytest.mark.parametrize(
    ("rows", "depth", "columns"),
    [
        *[(1, 1, 1), (4, 8, 8), (3, 7, 7), (5, 13, 9), (9, 64, 24)],
        *[(1, 9, 32), (2, 5, 31), (3, 4, 41), (7, 3, 40), (8, 255, 8), (11, 257, 17), (8, 512, 9)],
    ],
)
@pytest.mark.parametrize(("lo", "hi"), [(-np.inf, np.inf), (0.0, 1.5)])
def test_gemm_f32(guarded, out, rng, rows, depth, columns, lo, hi):
    x, weights, bias = (
        rng.normal(size=shape).astype(np.float32) for shape in ((rows, depth), (depth, columns), (columns,))
    )
    given = {"x": x, "rows": rows, "depth": depth, "weights": weights, "columns": columns, "bias": bias}
    result = guarded("k_gemm_f32", **given, lo=lo, hi=hi, out=out((rows, columns), "float32"))
    np.testing.assert_array_equal(result, reference(x, weights, bias, lo, hi))
