"""The sample that calibrators collect, against the values themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from playground.calibration._points import KEPT, Points, Sample

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


def collected(*batches: NDArray[np.float32]) -> list[Points]:
    sample = Sample()
    for batch in batches:
        sample.add(batch)
    return list(sample.points())


@given(arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 40)), elements=FINITE))
def test_few_values_are_kept_as_they_are(rows: NDArray[np.float32]) -> None:
    (points,) = collected(rows)
    np.testing.assert_array_equal(points.values, np.sort(rows, axis=1))
    assert (points.weights == 1).all()
    np.testing.assert_array_equal((points.lo, points.hi), (rows.min(1, keepdims=True), rows.max(1, keepdims=True)))


@given(st.lists(FINITE, min_size=1, max_size=60))
def test_bins_keep_the_count_and_the_sum_of_what_they_hold(values: list[float]) -> None:
    """Each point is the mean of its bin, exactly: all values within the same sign, exponent and ten mantissa bits."""
    x = np.tile(np.array(values, np.float32), KEPT // len(values) + 1)
    (points,) = collected(x[None])
    expected: dict[int, list[float]] = {}
    for value in x:
        expected.setdefault(int(value.view(np.uint32)) >> 13, []).append(float(value))
    means = sorted((float(np.mean(held)), len(held)) for held in expected.values())
    kept = points.weights[0] > 0
    np.testing.assert_array_equal(np.sort(points.weights[0][kept]), np.sort([count for _, count in means]))
    # The mean of many equal numbers is rounded when NumPy forms it.
    np.testing.assert_allclose(points.values[0][kept], [mean for mean, _ in means], rtol=1e-12, atol=1e-320)
    assert (np.diff(points.values[0]) >= 0).all()


@pytest.mark.parametrize("scales", [1, 3, 70])
def test_the_split_into_batches_and_the_order_do_not_matter(scales: int) -> None:
    rng = np.random.default_rng(scales)
    x = (rng.standard_t(3, (scales, 30_000)) * 10.0 ** rng.integers(-3, 3, (scales, 1))).astype(np.float32)
    whole = collected(x)
    split = collected(*np.array_split(rng.permutation(x, axis=1), [1, 500, 9000, 9001], axis=1))
    for a, b in zip(whole, split, strict=True):
        np.testing.assert_array_equal(a.values, b.values)
        np.testing.assert_array_equal(a.weights, b.weights)


@pytest.mark.parametrize("scales", [1, 5])
def test_moments_are_those_of_the_values(scales: int) -> None:
    x = np.random.default_rng(4).normal(0.3, 2, (scales, 50_000)).astype(np.float32)
    x[:, ::3] = 0
    (points,) = collected(*np.array_split(x, 9, axis=1))
    np.testing.assert_allclose(points.mean(points.values), x.mean(1, np.float64, keepdims=True), rtol=1e-12)
    square = np.square(x, dtype=np.float64).mean(1, keepdims=True)
    np.testing.assert_allclose(points.mean(points.values**2), square, rtol=1e-6)
    assert (points.weights.sum(axis=1) == x.shape[1]).all()


def test_rows_may_have_different_lengths() -> None:
    rows = np.array([[1, 2, 3], [4, np.nan, np.nan]], np.float32)
    (points,) = collected(rows, rows + 1)
    np.testing.assert_array_equal(points.values, [[1, 2, 2, 3, 3, 4], [4, 5, 5, 5, 5, 5]])
    np.testing.assert_array_equal(points.weights, [[1] * 6, [1, 1, 0, 0, 0, 0]])
    long = np.tile(rows, KEPT)
    (binned,) = collected(long)
    np.testing.assert_array_equal(binned.values, [[1, 2, 3], [4, 4, 4]])
    np.testing.assert_array_equal(binned.weights, [[KEPT] * 3, [KEPT, 0, 0]])


def test_zeros_of_both_signs_and_denormals_are_counted() -> None:
    x = np.array([0.0, -0.0, 1e-45, -1e-45, 3e38, -3e38], np.float32)
    (points,) = collected(np.tile(x, KEPT)[None])
    assert points.weights.sum() == 6 * KEPT
    assert points.values.min() == np.float32(-3e38)
    assert points.values.max() == np.float32(3e38)
    assert not np.signbit(points.values[points.values == 0]).any()


def test_more_equal_values_than_the_table_counts_at_once() -> None:
    """A word of the table has 24 bits for the count, one of them the sign: it is emptied before they are full."""
    value, many = np.float32(1.9999), (1 << 23) + 5
    sample = Sample()
    for start in range(0, many, 1 << 20):
        sample.add(np.full((1, min(1 << 20, many - start)), value))
    (points,) = sample.points()
    kept = points.weights[0] > 0
    assert points.weights[0][kept].tolist() == [many]
    np.testing.assert_allclose(points.values[0][kept], [value], rtol=1e-12)


def test_many_scales_are_handed_out_in_parts() -> None:
    x = np.random.default_rng(6).normal(size=(3000, 1000)).astype(np.float32)
    parts = collected(x)
    assert len(parts) > 1
    np.testing.assert_array_equal(np.concatenate([part.values for part in parts]), np.sort(x, axis=1))
