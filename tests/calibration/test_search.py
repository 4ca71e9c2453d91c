"""Searches (least squared error, least L_p norm) against exhaustive ones, written out for one tensor."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

import playground
from playground import Range, Scheme, calibration

Values = NDArray[np.float32]


def error(x: Values, lo: float, hi: float, scheme: Scheme, power: float = 2.0) -> float:
    found = playground.quantize(x, scheme, Range(lo, hi)).dequantize()
    return float(np.mean(np.abs(found.astype(np.float64) - x) ** power))


def samples() -> dict[str, Values]:
    rng = np.random.default_rng(14)
    return {
        "normal": rng.normal(0.2, 1, 3000).astype(np.float32),
        "student": rng.standard_t(2.5, 3000).astype(np.float32),
        "exponential": rng.exponential(2, 3000).astype(np.float32),
        "far": rng.normal(-30, 1, 3000).astype(np.float32),
    }


SAMPLES = samples()


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("fmt", ["int3", "int4", "int8", "nf4"])
def test_no_symmetric_range_is_better_than_that_of_mse(name: str, fmt: str) -> None:
    x, scheme = SAMPLES[name], Scheme(fmt, calibrator="mse")
    found = calibration.calibrate(x, scheme)
    widest = float(np.abs(x).max())
    best = min(error(x, -share * widest, share * widest, scheme) for share in np.linspace(0.02, 1, 500))
    assert error(x, found.lo.item(), found.hi.item(), scheme) <= 1.01 * best
    assert found.hi.item() <= widest


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("fmt", ["uint3", "uint8"])
def test_hardly_a_range_is_better_than_that_of_mse(name: str, fmt: str) -> None:
    """Both ends on a grid: what is found one end after the other is at most a few per cent from the best pair."""
    x, scheme = SAMPLES[name], Scheme(fmt, symmetric=False, calibrator="mse")
    found = calibration.calibrate(x, scheme)
    lows, highs = (np.linspace(0, end, 41) for end in (min(0.0, float(x.min())), max(0.0, float(x.max()))))
    best = min(error(x, lo, hi, scheme) for lo, hi in itertools.product(lows, highs) if lo < hi)
    assert error(x, found.lo.item(), found.hi.item(), scheme) <= 1.06 * best


def test_a_histogram_of_many_values_gives_nearly_the_range_of_the_values() -> None:
    """50 000 values are searched in bins: the error of what is found is that of the search on all values."""
    x = np.random.default_rng(15).standard_t(3, 50_000).astype(np.float32)
    for fmt in ("int4", "int8", "fp8_e4m3"):
        scheme = Scheme(fmt, scaled=True, calibrator="mse")
        found = calibration.calibrate(x, scheme)
        widest = float(np.abs(x).max())
        best = min(error(x, -share * widest, share * widest, scheme) for share in np.linspace(0.02, 1, 300))
        assert error(x, found.lo.item(), found.hi.item(), scheme) <= 1.02 * best


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("p", [1.0, 2.4, 4.0])
def test_lp_norm_takes_the_best_of_gptq_s_grid(symmetric: bool, p: float) -> None:
    """Its loop: for i in range(int(0.8 * 100)), both ends times 1 - i / 100, the first of equal ones."""
    x = SAMPLES["student"]
    scheme = Scheme("uint4", symmetric=symmetric, calibrator="lp_norm", calibrator_args={"p": p})
    found = calibration.calibrate(x, scheme)
    lo, hi = min(0.0, float(x.min())), max(0.0, float(x.max()))
    shares = [1 - i / 100 for i in range(80)]
    errors = [error(x, share * lo, share * hi, scheme, p) for share in shares]
    best = shares[int(np.argmin(errors))]
    assert best < 1
    assert (found.lo.item(), found.hi.item()) == pytest.approx((best * lo, best * hi), rel=1e-6)


def test_the_smaller_p_the_more_is_clipped() -> None:
    x = SAMPLES["student"]
    reach = [
        calibration.calibrate(x, Scheme("int4", calibrator="lp_norm", calibrator_args={"p": p})).hi.item()
        for p in (1.0, 2.0, 4.0)
    ]
    assert reach == sorted(reach)
    assert reach[0] < reach[-1]


@pytest.mark.parametrize("calibrator", ["mse", "lp_norm"])
def test_blocks_with_a_remainder_are_searched_each_for_itself(calibrator: str) -> None:
    x = np.random.default_rng(16).standard_t(3, (3, 50)).astype(np.float32)
    scheme = Scheme("int4", "block", -1, 16, calibrator=calibrator)
    found = calibration.calibrate(x, scheme)
    assert found.hi.shape == (3, 4)
    for row, block in itertools.product(range(3), range(4)):
        alone = calibration.calibrate(x[row, 16 * block : 16 * block + 16], Scheme("int4", calibrator=calibrator))
        assert found.hi[row, block] == pytest.approx(alone.hi.item(), rel=1e-6)
