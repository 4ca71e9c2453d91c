"""Mean and standard deviation against NumPy's."""

import numpy as np
import pytest

from playground import Scheme, calibration


@pytest.mark.parametrize("count", [10, 3000, 200_000])
@pytest.mark.parametrize("k", [0.0, 0.7, 2.0, 3.0])
def test_bounds_are_those_of_the_moments(count: int, k: float) -> None:
    x = np.random.default_rng(count).normal(5, 2, count).astype(np.float32)
    scheme = Scheme(symmetric=False, calibrator="mean_sigma", calibrator_args={"k": k})
    state = calibration.start(scheme)
    for part in np.array_split(x, 3):
        state.update(part)
    mean, sigma = x.mean(dtype=np.float64), x.std(dtype=np.float64)
    assert state.range().lo.item() == pytest.approx(max(mean - k * sigma, float(x.min())), rel=1e-6)
    assert state.range().hi.item() == pytest.approx(min(mean + k * sigma, float(x.max())), rel=1e-6)


def test_the_range_stops_where_the_values_do() -> None:
    found = calibration.calibrate(np.array([0.0, 1.0, 1.0, 1.0]), Scheme(symmetric=False, calibrator="mean_sigma"))
    assert (found.lo.item(), found.hi.item()) == (0.0, 1.0)
