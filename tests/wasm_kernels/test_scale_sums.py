"""k_scale_sums against playground.programs.dynamic_ops."""

import numpy as np
import pytest

from playground.programs.dynamic_ops import Columns, scale_sums


def scaled(guarded, out, sums, found, of, limits):
    given = {"sums": sums, "rows": sums.shape[0], "columns": sums.shape[1], "range": found, "column_sums": of.sums}
    given |= {"scale": of.scale, "bias": of.bias, "steps_of": of.steps_of, "lo": limits[0], "hi": limits[1]}
    return guarded("k_scale_sums", **given, out=out(sums.shape, "float32"))


@pytest.mark.parametrize("limits", [(-np.inf, np.inf), (0.0, 6.0)])
@pytest.mark.parametrize("zero_point", [0, 131, 255])
@pytest.mark.parametrize("columns", [1, 3, 4, 5, 19])
def test_sums(guarded, out, rng, columns, zero_point, limits):
    sums = rng.integers(-(2**31), 2**31, (3, columns)).astype(np.int32)
    sums[1] //= 2**16
    found = np.array([0.0123, zero_point], np.float32)
    of = Columns(
        rng.integers(-(2**24), 2**24, columns).astype(np.int32),
        rng.uniform(1e-6, 1e-2, columns).astype(np.float32),
        rng.normal(0, 10, columns).astype(np.float32),
    )
    result = scaled(guarded, out, sums, found, of, limits)
    np.testing.assert_array_equal(result, scale_sums(sums, found, of, limits))


@pytest.mark.parametrize("zero_point", [0, 131])
@pytest.mark.parametrize("columns", [1, 3, 4, 5, 19])
def test_a_bias_in_steps_that_are_rounded_down(guarded, out, rng, columns, zero_point):
    sums = rng.integers(-(2**20), 2**20, (3, columns)).astype(np.int32)
    found = np.array([0.0123, zero_point], np.float32)
    steps_of = rng.normal(0, 10, columns).astype(np.float32)
    steps_of[:: columns // 4 + 1] = [np.inf, -np.inf, np.nan, 3e38][: len(steps_of[:: columns // 4 + 1])]
    of = Columns(
        rng.integers(-1000, 1000, columns).astype(np.int32),
        rng.uniform(1e-6, 1e-2, columns).astype(np.float32),
        np.full(columns, -0.0, np.float32),
        steps_of,
    )
    limits = (-np.inf, np.inf)
    result = scaled(guarded, out, sums, found, of, limits)
    np.testing.assert_array_equal(result, scale_sums(sums, found, of, limits))
    whole = np.floor(np.float64(steps_of[-1]) / np.float64(found[0] * of.scale[-1]))
    if np.isfinite(whole):
        meant = (sums[:, -1] - zero_point * of.sums[-1] + whole) * np.float64(found[0] * of.scale[-1])
        np.testing.assert_allclose(result[:, -1], meant, rtol=1e-5, atol=2 * found[0] * of.scale[-1])


def test_without_a_bias_zero_keeps_its_sign(guarded, out):
    one = np.ones(5, np.float32)
    of, found = Columns(np.zeros(5, np.int32), one, -0.0 * one), np.array([-1, 0], np.float32)
    result = scaled(guarded, out, np.zeros((1, 5), np.int32), found, of, (-np.inf, np.inf))
    assert np.signbit(result).all()
