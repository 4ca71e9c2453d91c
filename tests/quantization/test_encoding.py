"""The choices of a scheme beside its format: zero-points, offsets, how scales are stored, rounding."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground import QParams, QTensor, Range, Scheme, quantize
from playground.errors import InvalidInputError
from playground.quantization import encode, quantize_within
from playground.rounding import ROUNDINGS

X = np.random.default_rng(0).normal(3, 1, (8, 96)).astype(np.float32)


def asymmetric(**fields) -> Scheme:
    return Scheme("uint4", "token", symmetric=False, **fields)


def test_an_integer_zero_point_may_lie_outside_the_codes() -> None:
    """Without zero in the range all codes are used, and the zero-point is a number that no code has."""
    far = X + 4
    near = quantize(far, asymmetric(zero_in_range=False))
    wide = quantize(far, asymmetric())
    assert (near.qparams.zero_point < 0).all()
    assert (wide.qparams.zero_point == 0).all()
    assert (near.codes.min(axis=1) == 0).all()
    assert (near.codes.max(axis=1) == 15).all()
    assert near.qparams.scale.max() < wide.qparams.scale.min()
    assert near.nbytes == near.packed().nbytes + 8 * (4 + 4)  # int32, since it is not a code


def test_a_float_zero_point_is_not_rounded() -> None:
    q = quantize(X, asymmetric(zero_point_type="float", zero_in_range=False))
    lo, hi = X.min(axis=1, keepdims=True), X.max(axis=1, keepdims=True)
    np.testing.assert_allclose(q.qparams.scale, (hi - lo) / 15, rtol=1e-6)
    np.testing.assert_allclose(q.qparams.zero_point, -lo / q.qparams.scale, rtol=1e-5)
    assert q.qparams.zero_point.dtype == np.float32
    np.testing.assert_array_equal(q.codes, np.clip(np.rint(X / q.qparams.scale + q.qparams.zero_point), 0, 15))
    np.testing.assert_allclose(q.dequantize().min(axis=1, keepdims=True), lo, rtol=1e-5)


def test_an_offset_is_the_lower_end() -> None:
    q = quantize(X, asymmetric(zero_point_type="offset", zero_in_range=False))
    np.testing.assert_array_equal(q.qparams.offset, X.min(axis=1, keepdims=True))
    assert not q.qparams.zero_point.any()
    np.testing.assert_array_equal(q.codes, np.rint((X - q.qparams.offset) / q.qparams.scale))
    assert q.nbytes == q.packed().nbytes + 8 * (4 + 4)


def test_floats_and_tables_take_an_offset_when_asymmetric() -> None:
    for name in ("nf4", "fp8_e4m3"):
        centred = quantize(X, Scheme(name, "token", symmetric=False, zero_in_range=False))
        plain = quantize(X, Scheme(name, "token"))
        error, coarse = (np.abs(q.dequantize() - X).max() for q in (centred, plain))
        assert error < coarse
        np.testing.assert_allclose(centred.dequantize().max(axis=1), X.max(axis=1), rtol=1e-5)


@pytest.mark.parametrize(("name", "bits"), [("fp16", 11), ("bf16", 8), ("fp8_e4m3", 4), ("e8m0", 1)])
def test_scales_in_a_float_format(name: str, bits: int) -> None:
    scheme = Scheme("int8", "block", -1, 32, scale_scheme=Scheme(name))
    q = quantize(X, scheme)
    exact = quantize(X, Scheme("int8", "block", -1, 32)).qparams.scale_values
    assert isinstance(q.qparams.scale, QTensor)
    assert (np.abs(q.qparams.scale_values / exact - 1) <= 2.0**-bits * (2 if name == "e8m0" else 1)).all()
    assert q.nbytes == X.size + q.qparams.scale.codes.nbytes
    np.testing.assert_array_equal(
        q.codes, np.clip(np.rint(X.reshape(8, 3, 32) / q.qparams.scale_values[..., None]), -128, 127).reshape(X.shape)
    )


@pytest.mark.parametrize("rounding", ["floor", "ceil", "half_even"])
def test_power_of_two_scales(rounding: str) -> None:
    scheme = Scheme("int8", "token", scale_scheme=Scheme("e8m0", rounding=rounding))
    exponents = np.log2(quantize(X, scheme).qparams.scale_values)
    exact = np.log2(quantize(X, Scheme("int8", "token")).qparams.scale_values)
    np.testing.assert_array_equal(exponents, np.rint(exponents))
    if rounding == "ceil":
        assert (exponents >= exact).all()  # nothing is clipped
    if rounding == "floor":
        assert (exponents <= exact).all()


def test_a_scale_that_vanishes_in_its_format_gives_zeros() -> None:
    x = np.array([[1e-9] * 4, [1.0] * 4])
    q = quantize(x, Scheme("int8", "token", scale_scheme=Scheme("fp16")))
    assert q.dequantize()[0].tolist() == [0] * 4
    np.testing.assert_allclose(q.dequantize()[1], 1, rtol=1e-3)


def test_scales_quantized_twice_over() -> None:
    """QLoRA's double quantization, with its parts taken apart again by hand."""
    inner = Scheme("bnb_dynamic8", "block", block_size=4, centre=True)
    q = quantize(X, Scheme("nf4", "block", -1, 16, scale_scheme=inner))
    scale = q.qparams.scale
    assert isinstance(scale, QTensor)
    exact = np.abs(X.reshape(8, 6, 16)).max(axis=2)
    mean = np.float32(exact.mean())
    assert scale.qparams.offset is not None
    np.testing.assert_allclose(scale.qparams.offset_values, mean, rtol=1e-6)
    groups = (exact - mean).reshape(12, 4)
    np.testing.assert_allclose(scale.qparams.scale_values.reshape(12), np.abs(groups).max(axis=1), rtol=1e-5)
    assert np.abs(scale.dequantize() - exact).max() < 0.02 * np.abs(groups).max()
    assert scale.nbytes == 48 + 12 * 4 + 4


def test_values_are_centred_on_request() -> None:
    q = quantize(X, Scheme("int4", centre=True))
    assert q.qparams.offset is not None
    np.testing.assert_allclose(q.qparams.offset, X.mean(), rtol=1e-6)
    assert np.abs(q.dequantize() - X).max() < np.abs(quantize(X, Scheme("int4")).dequantize() - X).max()


def test_stochastic_rounding_repeats_with_its_seed_whatever_the_memory_layout() -> None:
    scheme = Scheme("int4", "channel", 0, rounding="stochastic", seed=7)
    codes = quantize(X, scheme).codes
    np.testing.assert_array_equal(quantize(np.asfortranarray(X), scheme).codes, codes)
    np.testing.assert_array_equal(quantize(X.astype(np.float64), scheme).codes, codes)
    assert (quantize(X, Scheme("int4", "channel", 0, rounding="stochastic", seed=8)).codes != codes).any()


def test_stochastic_rounding_is_unbiased() -> None:
    x = np.full(100_000, 0.3, np.float32)
    clip = Range(-7.5, 7.5)
    assert quantize(x, Scheme("int4"), clip).dequantize().mean() == 0
    made = quantize(x, Scheme("int4", rounding="stochastic"), clip).dequantize()
    assert made.mean() == pytest.approx(0.3, abs=5 * 0.46 / np.sqrt(x.size))


EXACT = {
    "half_even": round,
    "half_away": lambda v: int(abs(v) + Fraction(1, 2)) * (1 if v >= 0 else -1),
    "half_up": lambda v: (v + Fraction(1, 2)).__floor__(),
    "floor": lambda v: v.__floor__(),
    "ceil": lambda v: v.__ceil__(),
    "toward_zero": int,
}


@given(st.lists(st.integers(-200, 200), min_size=1, max_size=20), st.sampled_from(list(EXACT)), st.integers(-9, 9))
def test_every_rounding_in_exact_arithmetic(quarters: list[int], rounding: str, zero_point: int) -> None:
    scheme = Scheme("int8", symmetric=False, rounding=rounding)
    codes = encode(np.array(quarters) / 4, QParams(0.5, zero_point), scheme)
    expected = [max(-128, min(127, EXACT[rounding](Fraction(n, 2)) + zero_point)) for n in quarters]
    assert codes.tolist() == expected
    assert ROUNDINGS[rounding].id == scheme.rounding_rule.id


def test_a_scheme_that_needs_a_range_says_so() -> None:
    with pytest.raises(InvalidInputError, match=r"^range: this scheme needs a range\. Give one, or call quantize"):
        quantize_within(X, None, Scheme("int8"))
    assert quantize_within(X, None, Scheme("q8_0")).shape == X.shape


def test_unscaled_integers_are_a_plain_cast() -> None:
    q = quantize([-300.0, -1.5, 2.5, 99.0], Scheme("int8", scaled=False))
    assert q.codes.tolist() == [-128, -2, 2, 99]
    assert (q.dequantize().tolist(), q.nbytes) == ([-128, -2, 2, 99], 4)
