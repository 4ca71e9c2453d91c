"""The GGUF block formats against gguf-py, byte for byte, and the K-quants against ggml's own limits."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import Scheme, formats, quantize
from playground.quantization import from_bytes
from tests.oracles.samples import COUNT

gguf = pytest.importorskip("gguf")

EXACT = ("q4_0", "q4_1", "q5_0", "q5_1", "q8_0")
DECODED = (*EXACT, "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl")
ROW = 4096

LIMITS = {"q2_k": 0.0075, "q3_k": 0.0040, "q4_k": 0.002, "q5_k": 0.002, "q6_k": 0.002, "iq4_nl": 0.002} | dict.fromkeys(
    EXACT, 0.002
)
"""``MAX_QUANTIZATION_TOTAL_ERROR*`` of llama.cpp's tests/test-quantize-fns.cpp."""


def kind(fmt: str) -> gguf.GGMLQuantizationType:
    return gguf.GGMLQuantizationType[fmt.upper()]


def tensor_of_all_sizes() -> NDArray[np.float32]:
    """A million values in rows of 4096: blocks of all magnitudes, of zeros, of a constant, with equal extremes."""
    rng = np.random.default_rng(37)
    x = rng.normal(0, 1, (COUNT // ROW + 1, ROW // 32, 32)) * 10.0 ** rng.uniform(
        -4, 4, (COUNT // ROW + 1, ROW // 32, 1)
    )
    x[0, 0] = 0
    x[0, 1], x[0, 2] = 0.37, -0.37
    x[0, 3, :2] = 50, -50  # the first of two equal extremes decides on the sign
    x[0, 4, :2] = -50, 50
    x[0, 5] = -np.abs(x[0, 5])
    x[0, 6] = np.abs(x[0, 6]) + 3
    x[0, 7] = 1e-30
    return x.reshape(-1, ROW).astype(np.float32)


def ties(fmt: str) -> NDArray[np.float32]:
    """A million values in blocks whose scale is a power of two, so that the halves between codes are exact."""
    rng = np.random.default_rng(38)
    top = {"q8_0": 127, "q4_0": -8, "q5_0": -16, "q4_1": 15, "q5_1": 31}[fmt]
    half = rng.integers(0, abs(top) * 2, (COUNT // 32, 32)) / 2
    x = half if fmt.endswith("_1") else half * rng.choice([-1, 1], half.shape)
    x[:, 0], x[:, 1] = top, 0
    return (x * 2.0 ** rng.integers(-9, 9, (COUNT // 32, 1))).astype(np.float32)


@pytest.mark.parametrize("fmt", EXACT)
def test_bytes(fmt: str) -> None:
    x = tensor_of_all_sizes()
    np.testing.assert_array_equal(quantize(x, Scheme(fmt)).packed().ravel(), gguf.quants.quantize(x, kind(fmt)).ravel())


@pytest.mark.parametrize("fmt", EXACT)
def test_bytes_on_ties(fmt: str) -> None:
    """C's roundf goes away from zero; the formats of 4 and 5 bits add a half and cut, so ties go up."""
    x = ties(fmt)
    np.testing.assert_array_equal(quantize(x, Scheme(fmt)).packed().ravel(), gguf.quants.quantize(x, kind(fmt)).ravel())


@pytest.mark.parametrize("fmt", DECODED)
def test_it_decodes_what_we_write(fmt: str) -> None:
    x = tensor_of_all_sizes()
    ours = quantize(x, Scheme(fmt))
    block, nbytes = gguf.GGML_QUANT_SIZES[kind(fmt)]
    assert ours.nbytes == x.size // block * nbytes
    stored = ours.packed().reshape(len(x), -1)
    np.testing.assert_array_equal(ours.dequantize(), gguf.quants.dequantize(stored, kind(fmt)))


@pytest.mark.parametrize("fmt", DECODED)
def test_we_decode_any_bytes_as_it_does(fmt: str) -> None:
    """A million values from random bytes: whatever another writer chose."""
    block, nbytes = gguf.GGML_QUANT_SIZES[kind(fmt)]
    rows = -(-COUNT // block)
    stored = np.random.default_rng(39).integers(0, 256, (rows, nbytes), dtype=np.uint8)
    expected = gguf.quants.dequantize(stored, kind(fmt))
    usable = np.isfinite(expected).all(axis=1)  # random halves are NaN and infinite, too
    ours = from_bytes(stored[usable], Scheme(fmt), expected[usable].shape)
    np.testing.assert_array_equal(ours.dequantize(), expected[usable])


@pytest.mark.parametrize("fmt", DECODED)
def test_errors_are_within_those_that_ggml_allows_itself(fmt: str) -> None:
    """On ggml's own data and by its own measure: the root of the sum of squared errors, over the count."""
    i = np.arange(32 * 128)
    x = (np.float32(0.1) + np.float32(2) * np.cos(i.astype(np.float32))).astype(np.float32)
    error = x.astype(np.float64) - quantize(x, Scheme(fmt)).dequantize()
    assert np.sqrt((error**2).sum()) / x.size < LIMITS[fmt]


def test_bits_per_weight_are_those_of_the_blocks() -> None:
    x = np.zeros(256 * 4, np.float32)
    for fmt in DECODED:
        block, nbytes = gguf.GGML_QUANT_SIZES[kind(fmt)]
        assert quantize(x, Scheme(fmt)).bits_per_weight == 8 * nbytes / block
    assert set(DECODED) <= set(formats())


def test_the_ggml_convention_on_plain_integers() -> None:
    """Blocks of 32 int8 with half scales under this convention are Q8_0 without the interleaving."""
    x = tensor_of_all_sizes()
    scheme = Scheme("int8", "block", -1, 32, convention="ggml", scale_scheme=Scheme("fp16"))
    stored = gguf.quants.quantize(x, kind("q8_0")).reshape(-1, 34)
    ours = quantize(x, scheme)
    np.testing.assert_array_equal(ours.codes.reshape(-1, 32), stored[:, 2:].view(np.int8))
    np.testing.assert_array_equal(ours.qparams.scale_values.ravel(), stored[:, :2].copy().view(np.float16).ravel())
    back = gguf.quants.dequantize(stored.reshape(len(x), -1), kind("q8_0"))
    np.testing.assert_array_equal(ours.dequantize(), back)
