"""The float formats against ml_dtypes: what every code means; a million values cast, ties and extremes among them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import Scheme, formats, quantize
from playground.quantization import encode
from playground.rounding import ROUNDINGS
from tests.oracles.samples import COUNT

ml_dtypes = pytest.importorskip("ml_dtypes")

DTYPES = {
    "fp16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "fp8_e4m3": np.dtype(ml_dtypes.float8_e4m3fn),
    "fp8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "fp8_e4m3fnuz": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "fp8_e5m2fnuz": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "fp6_e3m2": np.dtype(ml_dtypes.float6_e3m2fn),
    "fp6_e2m3": np.dtype(ml_dtypes.float6_e2m3fn),
    "fp4_e2m1": np.dtype(ml_dtypes.float4_e2m1fn),
    "fp8_e4m3ieee": np.dtype(ml_dtypes.float8_e4m3),
    "fp8_e3m4ieee": np.dtype(ml_dtypes.float8_e3m4),
}


def bits(values: NDArray[np.float32], dtype: np.dtype) -> NDArray[np.uint16]:
    """The bit patterns of values cast by ml_dtypes (by NumPy itself for float16)."""
    with np.errstate(over="ignore", invalid="ignore"):
        cast = values.astype(dtype)
    return cast.view(np.uint16 if dtype.itemsize == 2 else np.uint8).astype(np.uint16)


def all_codes(name: str) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """Every bit pattern, and what ml_dtypes says it means."""
    codes = np.arange(1 << formats()[name].bits, dtype=np.uint16)
    dtype = DTYPES[name]
    stored = codes if dtype.itemsize == 2 else codes.astype(np.uint8)
    return codes, stored.view(dtype).astype(np.float32)


def samples(name: str) -> NDArray[np.float32]:
    """A million float32: of every exponent, between neighbouring codes, on codes, just beside both, and far out."""
    _, meanings = all_codes(name)
    levels = np.unique(meanings[np.isfinite(meanings)])
    middles = ((levels[1:].astype(np.float64) + levels[:-1]) / 2).astype(np.float32)
    special = np.concatenate([levels, middles])
    special = np.concatenate([special, np.nextafter(special, np.float32(np.inf)), np.nextafter(special, -np.inf)])
    patterns = np.random.default_rng(17).integers(0, 1 << 32, COUNT, dtype=np.uint32).view(np.float32)
    with np.errstate(over="ignore"):  # beyond float32 for BF16, left out below
        near = np.random.default_rng(18).normal(0, float(levels[-1]) / 3, COUNT).astype(np.float32)
    x = np.concatenate([special, patterns, near, [np.float32(0), -np.float32(0)]]).astype(np.float32)
    return x[np.isfinite(x)]


@pytest.mark.parametrize("name", DTYPES)
def test_what_every_code_means(name: str) -> None:
    codes, meanings = all_codes(name)
    number_format = formats()[name]
    decoded = number_format.decode(codes.astype(number_format.dtype))
    np.testing.assert_array_equal(decoded, meanings)
    numbers = ~np.isnan(meanings)
    np.testing.assert_array_equal(np.signbit(decoded)[numbers], np.signbit(meanings)[numbers])


@pytest.mark.parametrize("name", DTYPES)
def test_cast_without_saturation(name: str) -> None:
    """ml_dtypes gives infinity, or NaN where there is none; those of 6 and 4 bits, which have neither, saturate."""
    x = samples(name)
    codes = encode(x, quantize(np.ones(1), Scheme(name)).qparams, Scheme(name, saturate=False))
    expected = bits(x, DTYPES[name])
    nan = np.isnan(x.astype(DTYPES[name]).astype(np.float32))
    np.testing.assert_array_equal(codes[~nan], expected[~nan])
    assert np.isnan(formats()[name].decode(codes[nan])).all()


@pytest.mark.parametrize("name", DTYPES)
def test_cast_with_saturation(name: str) -> None:
    """The same values drawn into the range before ml_dtypes casts them: what ONNX's ``saturate`` means."""
    x = samples(name)
    largest = formats()[name].largest
    expected = bits(np.clip(x, -largest, largest), DTYPES[name])
    np.testing.assert_array_equal(encode(x, quantize(np.ones(1), Scheme(name)).qparams, Scheme(name)), expected)


@pytest.mark.parametrize("name", DTYPES)
def test_nan_and_infinity(name: str) -> None:
    """Tensors may not hold them, but formats say what becomes of them. ml_dtypes casts NaN to -0 in 6 and 4 bits."""
    number_format, rounding = formats()[name], ROUNDINGS["half_even"]
    x = np.array([np.nan, np.inf, -np.inf], np.float32)
    plain = number_format.decode(number_format.encode(x.copy(), rounding, saturate=False))
    saturated = number_format.decode(number_format.encode(x.copy(), rounding, saturate=True))
    theirs = x.astype(DTYPES[name]).astype(np.float32)
    if number_format.bits > 6:
        np.testing.assert_array_equal(plain, theirs)
    else:
        np.testing.assert_array_equal(plain[1:], theirs[1:])
        assert theirs[0] == plain[0] == 0
    np.testing.assert_array_equal(saturated[1:], [number_format.largest, -number_format.largest])


def test_e8m0_is_powers_of_two() -> None:
    dtype = np.dtype(ml_dtypes.float8_e8m0fnu)
    codes = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(formats()["e8m0"].decode(codes), codes.view(dtype).astype(np.float32))
