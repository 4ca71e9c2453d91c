"""What every calibrator promises for any values: hypothesis looks for those that break it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

import playground
from playground import Scheme, calibration
from playground.errors import UnsupportedError

Values = NDArray[np.float32]

CALIBRATORS = playground.calibrators()

pytestmark = pytest.mark.slow
each_calibrator = pytest.mark.parametrize("calibrator", list(CALIBRATORS))
promise_the_split = [c for c in CALIBRATORS if CALIBRATORS[c].splits_alike]

FROM_RANGES = [f for f in playground.formats() if Scheme(f).procedure is None and not Scheme(f).number_format.is_fitted]
"""Formats whose parameters come from a range; the others make them from the values."""

numbers = st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e-30])
values = arrays(np.float32, st.integers(1, 60), elements=numbers)
schemes = st.builds(Scheme, st.sampled_from(["int8", "uint8", "int4", "uint3", "int2"]), symmetric=st.booleans())


def bounds(scheme: Scheme, *batches: Values) -> tuple[float, float]:
    state = calibration.start(scheme)
    for batch in batches:
        state.update(batch)
    found = state.range()
    return found.lo.item(), found.hi.item()


@each_calibrator
@settings(max_examples=25)
@given(values, schemes)
def test_a_range_is_finite_and_in_order(calibrator: str, x: Values, scheme: Scheme) -> None:
    lo, hi = bounds(replace(scheme, calibrator=calibrator), x)
    assert np.isfinite([lo, hi]).all()
    assert lo <= hi
    if CALIBRATORS[calibrator].within_extremes:
        widest = max(abs(float(x.min())), abs(float(x.max()))) * (1 + 1e-6)
        assert -widest <= lo
        assert hi <= widest


@pytest.mark.parametrize("calibrator", promise_the_split)
@settings(max_examples=25)
@given(values, schemes, st.data())
def test_the_split_and_the_order_do_not_matter(calibrator: str, x: Values, scheme: Scheme, data: st.DataObject) -> None:
    scheme = replace(scheme, calibrator=calibrator)
    cuts = sorted(data.draw(st.lists(st.integers(1, max(1, x.size - 1)), max_size=4, unique=True)))
    parts = [part for part in np.split(x, cuts) if part.size]
    assert bounds(scheme, x) == bounds(scheme, *parts) == bounds(scheme, *reversed(parts))
    shuffled = np.array(data.draw(st.permutations(x.tolist())), np.float32)
    assert bounds(scheme, x) == bounds(scheme, shuffled)


@pytest.mark.parametrize("calibrator", [c for c in CALIBRATORS if c != "hqq"])
@settings(max_examples=20)
@given(arrays(np.float32, st.integers(2, 60), elements=st.floats(-100, 100, width=16)), schemes, st.integers(-8, 8))
def test_scaled_values_give_a_scaled_range(calibrator: str, x: Values, scheme: Scheme, exponent: int) -> None:
    """By a power of two, which no rounding sees. (HQQ's beta has the unit of the values.)"""
    scheme, factor = replace(scheme, calibrator=calibrator), np.float32(2.0**exponent)
    if x.min() == x.max():
        return  # histograms of one value have a width of their own choice
    lo, hi = bounds(scheme, x)
    assert bounds(scheme, x * factor) == (lo * factor, hi * factor)


@each_calibrator
@settings(max_examples=20)
@given(arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 7)), elements=numbers))
def test_memory_layout_and_type_do_not_matter(calibrator: str, x: NDArray[np.float64]) -> None:
    scheme = Scheme("uint8", symmetric=False, calibrator=calibrator)
    spread_out = np.full((2 * x.shape[0], 3 * x.shape[1]), np.nan)
    spread_out[::2, ::3] = x
    expected = bounds(scheme, x.astype(np.float32))
    for same in (x, np.asfortranarray(x), x.astype(">f8"), x.astype(">f4"), spread_out[::2, ::3], x[::-1][::-1]):
        assert bounds(scheme, same) == expected


@each_calibrator
def test_every_format_gets_a_range_or_a_reason(calibrator: str) -> None:
    """A reason only where it is no integer format of up to 8 bits, and never from a calibrator that takes extremes."""
    x = np.random.default_rng(3).normal(0.2, 1, (2, 96)).astype(np.float32)
    refused = []
    for fmt in FROM_RANGES:
        scheme = Scheme(fmt, calibrator=calibrator)
        try:
            found = calibration.calibrate(x, scheme)
        except UnsupportedError as error:
            assert str(error).startswith("calibrator: "), fmt
            refused.append(scheme.element)
            continue
        assert (found.lo <= found.hi).all(), fmt
        assert np.isfinite(playground.quantize(x, scheme, found).dequantize()).all(), fmt
    assert not [element.id for element in refused if element.family == "integer" and element.bits <= 8]
    assert not refused or calibrator != "minmax"
