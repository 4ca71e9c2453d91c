"""Error measures against NumPy and theory."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from playground import QTensor, Range, Scheme, compare, quantize
from playground.errors import InvalidInputError
from playground.metrics import code_use, histogram, kl_divergence, measure, split_error
from playground.quantization import clip_limits


def test_measures_are_those_of_float64_numpy() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0.2, 1, (300, 700)).astype(np.float32)  # more than one chunk, and no whole number of them
    y = (x + rng.normal(0.01, 0.1, x.shape)).astype(np.float32)
    a, b = x.astype(np.float64).ravel(), y.astype(np.float64).ravel()
    found = compare(x, y)
    assert found == {
        "mse": pytest.approx(np.mean((b - a) ** 2), rel=1e-12),
        "rmse": pytest.approx(np.sqrt(np.mean((b - a) ** 2)), rel=1e-12),
        "sqnr_db": pytest.approx(10 * np.log10(np.sum(a**2) / np.sum((b - a) ** 2)), rel=1e-12),
        "cosine": pytest.approx(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)), rel=1e-12),
        "max_error": np.abs(b - a).max(),
        "mean_error": pytest.approx(np.mean(b - a), rel=1e-9),
    }


@pytest.mark.parametrize("bits", range(3, 9))
def test_uniform_noise_follows_theory(bits: int) -> None:
    """A full-scale uniform signal: 6.02 dB a bit, and an error of scale / sqrt(12)."""
    x = np.random.default_rng(bits).uniform(-1, 1, 200_000).astype(np.float32)
    q = quantize(x, Scheme(f"uint{bits}", symmetric=False))
    found = compare(x, q.dequantize())
    assert found["rmse"] / q.qparams.scale.item() == pytest.approx(1 / math.sqrt(12), rel=0.02)
    assert found["sqnr_db"] == pytest.approx(20 * math.log10(2**bits - 1), abs=0.15)


def test_measures_without_error_or_without_signal() -> None:
    exact = compare([1.0, -2.0], [1.0, -2.0])
    assert (exact["mse"], exact["sqnr_db"], exact["cosine"]) == (0, math.inf, pytest.approx(1))
    nothing = compare(np.zeros(3), np.zeros(3))
    assert (nothing["sqnr_db"], nothing["cosine"]) == (math.inf, 1)
    invented = compare(np.zeros(2), [0.5, -0.25])
    assert (invented["sqnr_db"], invented["cosine"]) == (-math.inf, 0)
    assert (invented["max_error"], invented["mean_error"]) == (0.5, 0.125)
    assert compare([0.0, 0.0], [0.25, -0.5])["max_error"] == 0.5
    assert compare(2.0, 1.0)["mean_error"] == -1


@pytest.mark.parametrize(
    ("x", "x_hat", "message"),
    [
        (np.zeros(3), np.zeros((3, 1)), r"^x_hat: shape \(3, 1\) is not the shape of the original, \(3,\)"),
        (np.zeros((0, 2)), np.zeros((0, 2)), r"^x: an array of shape \(0, 2\) has no values"),
        ([1.0, np.nan], [1.0, 1.0], "^x: 1 of 2 values are NaN"),
        ([1.0, 1.0], [1.0, np.inf], "^x_hat: 1 of 2 values are NaN"),
    ],
)
def test_what_cannot_be_compared_is_refused(x: Any, x_hat: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        compare(x, x_hat)


@pytest.mark.parametrize("bins", [1, 7, 256, 1000])
def test_counts_are_numpy_s_where_rounding_cannot_matter(bins: int) -> None:
    """Integers against edges that never touch one."""
    x = np.random.default_rng(bins).integers(-3000, 3000, 150_000).astype(np.float32)
    found = histogram(x, bins, -2000.3, 1999.6)
    expected, edges = np.histogram(x, bins, range=(-2000.3, 1999.6))
    np.testing.assert_array_equal(found.counts, expected)
    np.testing.assert_allclose(found.edges, edges, atol=1e-3)  # NumPy's are float32
    assert (found.below, found.above) == ((x < -2000.3).sum(), (x > 1999.6).sum())
    assert found.counts.sum() + found.below + found.above == x.size


def test_counts_are_numpy_s_but_for_values_on_the_edges() -> None:
    x = np.random.default_rng(9).normal(0, 1, 200_000).astype(np.float32)
    found = histogram(x, 500)
    expected, _ = np.histogram(x, 500, range=(x.min(), x.max()))
    assert found.counts.sum() == x.size
    assert np.abs(found.counts - expected).sum() <= 40  # a value at an edge counts twice here
    assert (found.lo, found.hi) == (x.min(), x.max())


@pytest.mark.parametrize(
    "x",
    [
        np.zeros(5),
        np.full(3, 7.5),
        np.full(3, -1e30),
        np.array([-3e38, 0, 3e38]),
        np.array([0, 1e-45]),
        np.array(2.0),
        np.array([1.0, np.nextafter(np.float32(1), np.float32(2))]),
    ],
    ids=["zeros", "constant", "large constant", "widest", "narrowest", "scalar", "neighbours"],
)
def test_every_value_is_counted_whatever_the_range(x: np.ndarray) -> None:
    found = histogram(x, 10)
    assert found.counts.sum() == x.size
    assert found.lo < found.hi
    assert (found.below, found.above) == (0, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bins": 0}, "^bins: 0 is not a valid number of bins"),
        ({"bins": 2.0}, "^bins: 2.0 is not a valid number of bins"),
        ({"lo": 2.0, "hi": 1.0}, "^lo: a histogram cannot run from 2 to 1"),
        ({"lo": -math.inf}, "^lo: a histogram cannot run from -inf"),
        ({"hi": math.nan}, "^lo: a histogram cannot run from 0 to nan"),
    ],
)
def test_impossible_histograms_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        histogram([0.0, 1.0], **arguments)


@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_rounding_and_clipping_error_add_up_and_keep_apart(granularity: str) -> None:
    x = np.random.default_rng(3).normal(0, 1, (40, 500)).astype(np.float32)
    scheme = Scheme("int4", granularity, 0 if granularity == "channel" else None)
    q = quantize(x, scheme, Range(-1.5, 1.5))
    limits, step = clip_limits(q.qparams, scheme), q.qparams.scale.max()
    found = split_error(x, q.dequantize(), limits.lo, limits.hi, bins=101)
    assert found.rounding_mse + found.clipping_mse == pytest.approx(compare(x, q.dequantize())["mse"], rel=1e-5)
    assert found.clipped == ((x < limits.lo) | (x > limits.hi)).sum() > 0
    assert (found.rounding.counts.sum(), found.clipping.counts.sum()) == (x.size - found.clipped, found.clipped)
    assert found.count == x.size
    np.testing.assert_array_equal(found.rounding.edges, found.clipping.edges)
    left, right = found.rounding.edges[:-1], found.rounding.edges[1:]
    assert not found.rounding.counts[(left > step / 2) | (right < -step / 2)].any()
    assert not found.clipping.counts[(right < step / 2 * 0.999) & (left > -step / 2 * 0.999)].any()


def test_a_value_exactly_on_a_clip_limit_is_not_clipped() -> None:
    x = np.float32([-2, np.nextafter(np.float32(-2), np.float32(-3)), 1, np.nextafter(np.float32(1), np.float32(2))])
    found = split_error(x, x + np.float32(0.25), np.float32(-2), np.float32(1))
    assert (found.clipped, found.count) == (2, 4)
    assert (found.rounding.counts.sum(), found.clipping.counts.sum()) == (2, 2)
    assert found.rounding_mse == found.clipping_mse == 0.25**2 / 2


def test_without_clipping_all_error_is_rounding() -> None:
    x = np.random.default_rng(5).uniform(-1, 1, 10_000).astype(np.float32)
    q = quantize(x, Scheme("int8"))
    limits = clip_limits(q.qparams, q.scheme)
    found = split_error(x, q.dequantize(), limits.lo, limits.hi)
    assert (found.clipped, found.clipping_mse, found.clipping.counts.sum()) == (0, 0, 0)
    assert found.rounding_mse == pytest.approx(compare(x, q.dequantize())["mse"], rel=1e-5)


def test_limits_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"^lo: the clip limits do not fit values of shape \(2,\)"):
        split_error([1.0, 2.0], [1.0, 2.0], np.zeros(3), np.ones(3))
    with pytest.raises(InvalidInputError, match=r"^lo: the clip limits do not fit values of shape \(1,\)"):
        split_error([1.0], [1.0], np.zeros(3), np.ones(3))


@pytest.mark.parametrize("shape", [(7,), (300, 700), (3, 1)])
def test_results_do_not_depend_on_the_memory_layout(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1, shape).astype(np.float32)
    y = (x + rng.normal(0, 0.1, shape)).astype(np.float32)
    wide = np.zeros((*shape[:-1], 2 * shape[-1]), np.float32)
    wide[..., ::2] = x
    expected, split = compare(x, y), split_error(x, y, -1, 1)
    for same in (np.asfortranarray(x), x.astype(">f4"), x.astype(np.float64), wide[..., ::2], x[::-1][::-1]):
        assert compare(same, np.asfortranarray(y)) == expected
        other = split_error(same, y, -1, 1)
        assert (other.rounding_mse, other.clipping_mse) == (split.rounding_mse, split.clipping_mse)
        assert kl_divergence(same, y) == kl_divergence(x, y)


def test_kl_divergence_is_that_of_scipy_for_the_same_counts() -> None:
    rng = np.random.default_rng(7)
    x = rng.integers(0, 40, 5000).astype(np.float32)
    y = np.round(x / 8) * 8
    bins = 41
    counts = [np.bincount(v.astype(np.int64), minlength=bins) + 1 for v in (x, y)]
    # A bin for each whole number from 0 to 40: histogram's edges run from the smallest to the largest.
    assert kl_divergence(x, y, bins=bins) == pytest.approx(stats.entropy(*counts), rel=1e-12)
    assert kl_divergence(x, x) == 0
    assert kl_divergence(x, y) > 0


@pytest.mark.parametrize("fmt", ["int8", "uint4", "int2", "nf4", "fp4_e2m1", "int16"])
def test_use_of_codes_is_that_of_numpy(fmt: str) -> None:
    x = np.random.default_rng(8).normal(0, 1, (100, 900)).astype(np.float32)
    q = quantize(x, Scheme(fmt, scaled=True))
    found = code_use(q)
    codes, counts = np.unique(q.codes, return_counts=True)
    np.testing.assert_array_equal(found.codes, codes)
    np.testing.assert_array_equal(found.counts, counts)
    assert found.entropy == pytest.approx(stats.entropy(counts, base=2), rel=1e-12)
    assert found.occupancy == codes.size / 2**q.scheme.element.bits


def test_codes_of_32_bits_are_counted_without_a_table() -> None:
    x = np.random.default_rng(9).normal(0, 1, 500).astype(np.float32)
    assert code_use(quantize(x, Scheme("fp32"))).counts.sum() == 500


def test_uniform_noise_uses_all_codes_alike_and_a_constant_one() -> None:
    x = np.random.default_rng(10).uniform(-1, 1, 400_000).astype(np.float32)
    q = quantize(x, Scheme("uint8", symmetric=False), Range(-1, 1))
    assert code_use(q).entropy == pytest.approx(8, abs=0.02)
    one = code_use(quantize(np.full(9, 3.0), Scheme("int8")))
    assert (one.entropy, one.occupancy, one.counts.tolist()) == (0, 1 / 256, [9])


@pytest.mark.parametrize(
    "scheme",
    [
        Scheme("int4"),
        Scheme("int8", "channel", 0),
        Scheme("uint3", "block", -1, 64, symmetric=False),
        Scheme("nf4", "block", -1, 64),
        Scheme("fp8_e4m3"),
        Scheme("mxfp4"),
    ],
    ids=lambda s: f"{s.format}-{s.granularity}",
)
def test_all_measures_at_once(scheme: Scheme) -> None:
    x = np.random.default_rng(11).standard_t(4, (30, 500)).astype(np.float32)
    q = quantize(x, scheme)
    found = measure(x, q)
    assert compare(x, q.dequantize()).items() <= found.items()
    assert found["rounding_mse"] + found["clipping_mse"] == pytest.approx(found["mse"], rel=1e-6)
    assert found["kl"] == kl_divergence(x, q.dequantize())
    assert found["bits_per_weight"] == q.bits_per_weight
    assert 0 < found["code_entropy"] <= q.scheme.element.bits
    assert 0 < found["occupancy"] <= 1
    assert 0 <= found["clipped_share"] < 1
    assert all(isinstance(value, float) for value in found.values())


def test_a_smaller_range_clips_more() -> None:
    x = np.random.default_rng(12).normal(0, 1, 5000).astype(np.float32)
    shares = [measure(x, quantize(x, Scheme("int4"), Range(-c, c)))["clipped_share"] for c in (4, 2, 1)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(2 * stats.norm.sf(1 + 0.5 / 7.5), abs=0.03)


def test_an_empty_tensor_has_no_codes() -> None:
    q = quantize(np.ones(3), Scheme("int8"))
    empty = QTensor(q.codes[:0], q.qparams, q.scheme, (0,))
    with pytest.raises(InvalidInputError, match="qtensor: a tensor without values has no codes"):
        code_use(empty)
    with pytest.raises(InvalidInputError, match=r"bins: 0 is not a valid number of bins"):
        kl_divergence([1.0, 2.0], [1.0, 2.0], bins=0)
