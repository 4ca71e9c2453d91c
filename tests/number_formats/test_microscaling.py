"""MX and NVFP4 against their specifications, block by block in exact arithmetic."""

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from playground import QTensor, Scheme, quantize
from playground.number_formats import FORMATS

ELEMENTS = {
    "mxfp8_e4m3": (ml_dtypes.float8_e4m3fn, 448, 8),
    "mxfp8_e5m2": (ml_dtypes.float8_e5m2, 57344, 15),
    "mxfp6_e3m2": (ml_dtypes.float6_e3m2fn, 28, 4),
    "mxfp6_e2m3": (ml_dtypes.float6_e2m3fn, 7.5, 2),
    "mxfp4": (ml_dtypes.float4_e2m1fn, 6, 2),
}


def rows(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 96)) * np.exp2(rng.integers(-20, 20, (40, 1)))
    x[3], x[4, :32] = 0, 0
    x[5, 0] = 2.0**7  # a power of two itself
    return x.astype(np.float32)


@pytest.mark.parametrize("name", ELEMENTS)
def test_a_block_by_the_letter_of_the_specification(name: str) -> None:
    """MX 1.0, section 6.3: X = 2 ** (floor(log2(max|V|)) - emax), P = cast(V / X), saturating."""
    theirs, largest, emax = ELEMENTS[name]
    x = rows()
    q = quantize(x, Scheme(name))
    scales = q.qparams.scale_values
    for (row, block), scale in np.ndenumerate(scales):
        values = x[row, 32 * block : 32 * (block + 1)].astype(np.float64)
        peak = np.abs(values).max()
        if peak == 0:
            assert not q.dequantize()[row, 32 * block : 32 * (block + 1)].any()
            continue
        assert scale == 2.0 ** (math.floor(math.log2(peak)) - emax)
        cast = np.clip(values / scale, -largest, largest).astype(np.float32).astype(theirs).astype(np.float32)
        np.testing.assert_array_equal(q.dequantize()[row, 32 * block : 32 * (block + 1)], cast * scale)


def test_mxint8_counts_sixty_fourths() -> None:
    x = rows()
    q = quantize(x, Scheme("mxint8"))
    assert (FORMATS["mxint8"].element.smallest, FORMATS["mxint8"].element.largest) == (-2, Fraction(127, 64))
    scales = np.repeat(q.qparams.scale_values, 32, axis=1)
    codes = np.clip(np.rint(x.astype(np.float64) / scales * 64), -128, 127)
    np.testing.assert_array_equal(q.codes, codes)
    np.testing.assert_array_equal(q.dequantize(), (codes * scales / 64).astype(np.float32))


def test_scales_are_stored_as_exponents() -> None:
    q = quantize(np.array([[3.0] * 32, [0.0] * 32]), Scheme("mxfp4"))
    assert isinstance(q.qparams.scale, QTensor)
    assert q.qparams.scale.codes.tolist() == [[127 + 1 - 2], [0]]
    assert q.qparams.scale.nbytes == 2


@pytest.mark.parametrize(("rounding", "expected"), [("floor", 1.0), ("ceil", 2.0), ("half_even", 1.0)])
def test_the_rounding_of_the_exponent_can_be_chosen(rounding: str, expected: float) -> None:
    scheme = Scheme("mxfp4", scale_scheme=Scheme("e8m0", rounding=rounding))
    assert quantize(np.full((1, 32), 5.0), scheme).qparams.scale_values.item() == expected


def test_nvfp4_has_two_levels_of_scales() -> None:
    """A block's scale is max|V| / 6 in units of max|tensor| / (6 * 448), rounded to E4M3."""
    x = rows(1)[:, :32]
    x *= np.float32(2.0**-15)
    x[np.abs(x).max(axis=1) < np.abs(x).max() / 1e4] = 0
    q = quantize(x, Scheme("nvfp4"))
    outer = np.float32(np.abs(x).max()) / np.float32(6 * 448)
    assert isinstance(q.qparams.scale, QTensor)
    assert q.qparams.scale.qparams.scale_values.item() == outer
    inner = np.abs(x.reshape(40, 2, 16)).max(axis=2) / np.float32(6)
    stored = np.maximum(inner / outer, np.float32(2.0**-6)).astype(ml_dtypes.float8_e4m3fn).astype(np.float32)
    np.testing.assert_array_equal(q.qparams.scale_values, stored * outer)
    steps = x.reshape(40, 2, 16) / (stored * outer)[..., None]
    cast = np.clip(steps, -6, 6).astype(ml_dtypes.float4_e2m1fn).astype(np.float32) * (stored * outer)[..., None]
    np.testing.assert_array_equal(q.dequantize(), cast.reshape(x.shape))


@pytest.mark.parametrize("name", [*ELEMENTS, "mxint8", "nvfp4"])
def test_the_last_block_may_be_shorter(name: str) -> None:
    x = rows(2)
    size = Scheme(name).block_size or 0
    whole, part = quantize(x[:, : 2 * size + 5], Scheme(name)), quantize(x[:, 2 * size : 2 * size + 5], Scheme(name))
    assert whole.qparams.scale.shape == (40, 3)
    if name != "nvfp4":  # whose outer scale differs
        np.testing.assert_array_equal(whole.dequantize()[:, 2 * size :], part.dequantize())
