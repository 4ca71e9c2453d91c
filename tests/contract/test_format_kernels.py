"""Every format that offers a kernel gives the same codes by it as by NumPy, bit for bit."""

import itertools

import numpy as np
import pytest

import playground
from playground import Scheme, host, quantize
from playground.number_formats import FORMATS
from playground.number_formats._lookup import SMALL, Lookup
from playground.rounding import ROUNDINGS

FIXED = [rounding for rounding in ROUNDINGS.values() if not rounding.random]
ELEMENTS = {fmt.element.id: fmt.element for fmt in FORMATS.values()}
OFFERED = [name for name, fmt in ELEMENTS.items() if fmt.lookup(FIXED[0]) is not None]


@pytest.fixture
def used(monkeypatch):
    """Whether NumPy is said to be slow, and the kernels that were called since."""
    called = []

    def say(slow):
        called.clear()
        monkeypatch.setattr(host, "numpy_is_slow", lambda: slow)
        return called

    by_kernel = Lookup.by_kernel

    def noted(self, values):
        called.append(self.kernel)
        return by_kernel(self, values)

    monkeypatch.setattr(Lookup, "by_kernel", noted)
    return say


def numbers_for(number_format, count=40_000):
    """Numbers of the format, midpoints, the float32 next to either, any others within its range, infinities, zeros."""
    rng = np.random.default_rng(3)
    grid = number_format.grid
    middles = (grid[1:] + grid[:-1]) / np.float32(2)
    places = np.concatenate([grid, middles])
    ends = np.array([0, -0.0, np.inf, -np.inf, 1e-45, -1e-45, 1e-39, 3.4e38, -3.4e38], np.float32)
    ties = np.concatenate([places, *(np.nextafter(places, np.float32(to)) for to in (-np.inf, np.inf)), ends])
    others = rng.uniform(1.2 * grid[0], 1.2 * grid[-1], count).astype(np.float32)
    return np.where(rng.random(count) < 0.5, rng.choice(ties, count), others).astype(np.float32)


def test_small_formats_offer_one():
    expected = {
        name
        for name, fmt in ELEMENTS.items()
        if (fmt.family == "codebook" and fmt.bits <= 8) or (fmt.family == "float" and fmt.bits <= 8)
    }
    assert {"nf4", "bnb_fp4", "bnb_dynamic8", "fp8_e4m3", "fp8_e5m2", "fp6_e3m2", "fp4_e2m1"} <= expected
    assert set(OFFERED) == expected


@pytest.mark.parametrize("name", OFFERED)
def test_kernel_and_numpy_agree(used, name):
    x = numbers_for(ELEMENTS[name]).reshape(8, -1)
    for rounding, saturate in itertools.product(FIXED, (True, False)):
        called = used(False)
        expected = ELEMENTS[name].encode(x.copy(), rounding, saturate=saturate)
        assert called == []
        called = used(True)
        codes = ELEMENTS[name].encode(x.copy(), rounding, saturate=saturate)
        assert called == [ELEMENTS[name].lookup(rounding).kernel]
        assert codes.dtype == expected.dtype and codes.shape == expected.shape
        np.testing.assert_array_equal(codes, expected, f"{rounding.id}, saturate {saturate}")


def encoded_by_its_element(name):
    """Not by a search of its own, as ggml's formats are."""
    scheme = Scheme(name)
    return scheme.element.id in OFFERED and scheme.procedure is None


@pytest.mark.parametrize("name", [name for name in FORMATS if encoded_by_its_element(name)])
def test_quantized_tensors_agree(used, name):
    x = np.random.default_rng(1).normal(size=(16, 2048)).astype(np.float32)
    scheme = Scheme(name) if FORMATS[name].family == "block" else Scheme(name, "token")
    used(False)
    expected = quantize(x, scheme)
    called = used(True)
    found = quantize(x, scheme)
    assert called
    np.testing.assert_array_equal(found.codes, expected.codes)
    np.testing.assert_array_equal(playground.dequantize(found), playground.dequantize(expected))


def test_few_values_and_transposed_ones(used):
    nf4, fp8, half_even = ELEMENTS["nf4"], ELEMENTS["fp8_e4m3"], FIXED[0]
    x = numbers_for(nf4).reshape(200, -1)
    for number_format in (nf4, fp8):
        called = used(True)
        number_format.encode(x.reshape(-1)[: SMALL - 1].copy(), half_even)
        assert called == []
        found = number_format.encode(x.T, half_even)
        assert len(called) == 1
        used(False)
        np.testing.assert_array_equal(found, number_format.encode(x, half_even).T)
