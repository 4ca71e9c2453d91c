"""TensorRT's entropy calibration against the pseudocode and the example of its slides, written as they read."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import Scheme, calibration
from playground.calibration import entropy_tensorrt
from playground.calibration.entropy_tensorrt import MagnitudeHistogram, best_threshold, divergences
from playground.errors import UnsupportedError


def expanded(bins: list[int], levels: int) -> list[float]:
    """Quantize bins into levels and expand them again: zeros stay, the others share what their level holds."""
    result = [0.0] * len(bins)
    for level in range(levels):
        members = [i for i in range(len(bins)) if i * levels // len(bins) == level]
        filled = [i for i in members if bins[i]]
        for i in filled:
            result[i] = sum(bins[j] for j in members) / len(filled)
    return result


def divergence_of_the_slides(bins: list[int], kept: int, levels: int) -> float:
    reference = [float(count) for count in bins[:kept]]
    reference[-1] += sum(bins[kept:])
    candidate = expanded(bins[:kept], levels)
    p = [x / sum(reference) for x in reference]
    q = [x / sum(candidate) for x in candidate]
    return sum(math.inf if b == 0 else a * math.log(a / b) for a, b in zip(p, q, strict=True) if a)


def test_the_example_of_the_slides() -> None:
    """Slide 38: eight bins in two levels."""
    assert expanded([1, 0, 2, 3, 5, 3, 1, 7], 2) == [2, 0, 2, 2, 4, 4, 4, 4]
    p, q = np.array([1, 2, 3, 5, 3, 1, 7]) / 22, np.array([2, 2, 2, 4, 4, 4, 4]) / 22
    found = divergences(np.array([1, 0, 2, 3, 5, 3, 1, 7]), np.array([8]), 2)
    assert found[0] == pytest.approx(float((p * np.log(p / q)).sum()), rel=1e-12)


@pytest.mark.parametrize("levels", [1, 2, 7, 16])
@pytest.mark.parametrize("kind", ["laplace", "sparse", "whole"])
def test_every_candidate_has_the_divergence_of_the_pseudocode(levels: int, kind: str) -> None:
    rng = np.random.default_rng(levels)
    values = {"laplace": rng.laplace(size=30_000), "sparse": rng.standard_t(2, 300), "whole": rng.integers(0, 9, 500)}
    counts = np.histogram(np.abs(values[kind]), 150)[0]
    kept = np.arange(levels, counts.size + 1)
    found = divergences(counts, kept, levels)
    expected = [divergence_of_the_slides(counts.tolist(), int(k), levels) for k in kept]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert best_threshold(counts, levels) == kept[int(np.argmin(np.round(expected, 12)))] + 0.5


def test_of_candidates_as_good_the_narrowest_is_taken() -> None:
    """Divergences that differ by rounding only are equal: else the order of sums would choose."""
    # One level holds bins of one count: every candidate gives them back exactly
    counts = np.full(50, 7)
    found = divergences(counts, np.arange(1, 51), 1)
    assert np.abs(found[-1]) < 1e-12
    for bins, levels in ((3, 1), (64, 64), (100, 10)):
        even = np.concatenate([np.full(bins, 3), [1]])
        kept = np.arange(levels, even.size + 1)
        rounded = np.round(divergences(even, kept, levels), 12)
        assert best_threshold(even, levels) == kept[np.flatnonzero(rounded == rounded.min())[0]] + 0.5


def test_divergences_that_differ_in_the_last_bits_are_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    near = np.array([0.5, 0.25 + 3e-16, 0.25, 0.25 + 1e-9])
    monkeypatch.setattr(entropy_tensorrt, "divergences", lambda counts, kept, levels: near)
    assert best_threshold(np.array([1, 2, 3, 4, 5]), 2) == 3.5


def test_counts_are_those_of_numpy_and_the_largest_value_is_in_the_upper_half() -> None:
    batches = [np.random.default_rng(7).normal(0, 10.0**i, 3000).astype(np.float32) for i in (0, -2, 2, 1)]
    histogram = MagnitudeHistogram(256)
    for batch in batches:
        histogram.update(batch)
    everything = np.abs(np.concatenate(batches))
    expected, _ = np.histogram(everything, 512, range=(0, 512 * histogram.width))
    np.testing.assert_array_equal(histogram.counts, expected)
    assert 256 * histogram.width <= everything.max() < 512 * histogram.width


def ranges(x: NDArray[np.float32], *, fmt: str = "int8", parts: int = 1) -> tuple[float, float]:
    state = calibration.start(Scheme(fmt, symmetric=False, calibrator="entropy_tensorrt"))
    for part in np.array_split(x, parts):
        state.update(part)
    return state.range().lo.item(), state.range().hi.item()


def test_outliers_are_given_up_and_the_split_does_not_matter() -> None:
    x = np.random.default_rng(3).normal(size=50_000).astype(np.float32)
    x[:3] = 80, -90, 100
    assert ranges(x) == ranges(x[::-1].copy(), parts=13)
    lo, hi = ranges(x)
    assert -20 < lo < -3
    assert 3 < hi < 20
    assert ranges(np.abs(x), fmt="uint8")[0] == np.abs(x).min()


def test_a_uniform_distribution_is_not_clipped() -> None:
    x = np.random.default_rng(3).uniform(-1, 1, 500_000).astype(np.float32)
    lo, hi = ranges(x)
    assert lo < -0.97
    assert hi > 0.97


def test_uneven_codes_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="calibrator: entropy_tensorrt is a rule for evenly spaced codes"):
        calibration.start(Scheme("nf4", calibrator="entropy_tensorrt"))
