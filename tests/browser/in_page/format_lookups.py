"""In the page's worker: codes by the kernels and by NumPy are the same, and the kernels are faster."""

import time

import numpy as np
import pytest

from playground import Scheme, host, quantize
from playground.number_formats import FORMATS
from playground.rounding import ROUNDINGS

HALF_EVEN = ROUNDINGS["half_even"]
ELEMENTS = {fmt.element.id: fmt.element for fmt in FORMATS.values()}
OFFERED = [name for name, fmt in ELEMENTS.items() if fmt.lookup(HALF_EVEN) is not None]
COUNT = 1 << 15  # what encode hands on at a time


def with_numpy(monkeypatch, function, *args):
    with monkeypatch.context() as here:
        here.setattr(host, "IN_BROWSER", False)
        return function(*args)


def numbers_for(number_format):
    """Numbers of the format, midpoints, infinities, zeros, subnormal ones, and any others within its range."""
    rng, grid = np.random.default_rng(3), number_format.grid
    ends = np.array([0, -0.0, np.inf, -np.inf, 1e-45, -1e-45, 1e-39], np.float32)
    ties = np.concatenate([grid, (grid[1:] + grid[:-1]) / np.float32(2), ends])
    others = rng.uniform(1.2 * grid[0], 1.2 * grid[-1], COUNT).astype(np.float32)
    return np.where(rng.random(COUNT) < 0.25, rng.choice(ties, COUNT), others).astype(np.float32)


def seconds(function):
    """The shortest of five runs."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(20):
            function()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.parametrize("name", OFFERED)
def test_codes_are_those_of_numpy(monkeypatch, name):
    assert host.numpy_is_slow()
    x = numbers_for(ELEMENTS[name])
    for saturate in (True, False):
        expected = with_numpy(monkeypatch, lambda s=saturate: ELEMENTS[name].encode(x, HALF_EVEN, saturate=s))
        np.testing.assert_array_equal(ELEMENTS[name].encode(x, HALF_EVEN, saturate=saturate), expected)


@pytest.mark.parametrize("name", ["nf4", "bnb_fp4", "bnb_dynamic8", "fp8_e4m3", "fp4_e2m1"])
def test_kernels_are_faster(monkeypatch, name):
    x, number_format = numbers_for(ELEMENTS[name]), ELEMENTS[name]
    by_kernel = seconds(lambda: number_format.encode(x, HALF_EVEN))
    by_numpy = with_numpy(monkeypatch, seconds, lambda: number_format.encode(x, HALF_EVEN))
    print(
        f"{name}: NumPy takes {by_numpy / by_kernel:.1f} times as long ({by_kernel / COUNT / 20 * 1e9:.2f} ns a value)"
    )
    assert by_kernel < by_numpy


@pytest.mark.parametrize("name", ["nf4", "fp8_e4m3"])
def test_tensors_are_quantized_alike(monkeypatch, name):
    x = np.random.default_rng(1).normal(size=(256, 1024)).astype(np.float32)
    scheme = Scheme(name, "token")
    found, expected = quantize(x, scheme), with_numpy(monkeypatch, quantize, x, scheme)
    np.testing.assert_array_equal(found.codes, expected.codes)
    by_kernel, by_numpy = (
        seconds(lambda: quantize(x[:32], scheme)),
        with_numpy(monkeypatch, seconds, lambda: quantize(x[:32], scheme)),
    )
    print(f"quantize to {name}: NumPy takes {by_numpy / by_kernel:.1f} times as long")
