"""k_clip_range, k_clip_limits, k_widths and k_spread against NumPy and playground.quantization."""

import numpy as np
import pytest

from playground.opening import load
from playground.quantization import QParams, Scheme, clip_limits
from playground.rounding import ROUNDINGS
from playground.tensor_view.subject import subject_of


@pytest.mark.parametrize("low", [-np.inf, -0.5, 0.75])
@pytest.mark.parametrize("high", [np.inf, 0.8])
def test_clip_range(guarded, rng, out, low, high):
    lo, width = rng.normal(size=(2, 37)).astype(np.float32)
    hi = lo + np.abs(width)
    low, high = np.float32(low), np.float32(high)
    places = {name: out((37,), "float32") for name in ("clipped_lo", "clipped_hi")}
    clipped = guarded("k_clip_range", lo=lo, hi=hi, n=37, low=low, high=high, **places)
    np.testing.assert_array_equal(clipped, [np.clip(lo, low, high), np.clip(hi, low, high)])


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("number_format", ["int2", "uint5", "int8", "uint8"])
def test_clip_limits(guarded, rng, out, number_format, rounding):
    scheme = Scheme(number_format, granularity="channel", axis=0, rounding=rounding)
    qmin, qmax = scheme.limits
    scale, points = rng.uniform(1e-3, 1, 40).astype(np.float32), rng.integers(qmin, qmax + 1, 40).astype(np.int32)
    expected = clip_limits(QParams(scale, points), scheme)
    reach = ROUNDINGS[rounding].reach
    places = {name: out((40,), "float32") for name in ("lo", "hi")}
    given = {"scale": scale, "zero_point": points, "n": 40, "qmin": qmin, "qmax": qmax, "reach": reach}
    limits = guarded("k_clip_limits", **given, **places)
    np.testing.assert_array_equal(limits, [expected.lo, expected.hi])


def test_widths(guarded, rng, out):
    lo, hi = rng.normal(size=(2, 19)).astype(np.float32)
    np.testing.assert_array_equal(guarded("k_widths", lo=lo, hi=hi, n=19, width=out((19,), "float32")), hi - lo)


@pytest.mark.parametrize("values", [[0.0], [-0.0], [2.5, 2.5], [-1e-3], [1.0, 3.0], [0.1]])
def test_spread_is_that_of_the_report(guarded, out, tmp_path, values):
    np.savez(tmp_path / "x.npz", x=np.array(values, np.float32))
    subject = subject_of(load(tmp_path / "x.npz"), "x")
    low, high = subject.values.min(), subject.values.max()
    ends = guarded("k_spread", lo=low, hi=high, ends=out((2,), "float32"))
    np.testing.assert_array_equal(ends, subject.edges[[0, -1]])
