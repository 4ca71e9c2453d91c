"""The moving average against its recurrence; tests/oracles compares it with PyTorch."""

import numpy as np
import pytest

from playground import Scheme, calibration


@pytest.mark.parametrize("constant", [0.0, 0.01, 0.25, 1.0])
def test_the_average_follows_its_recurrence(constant: float) -> None:
    scheme = Scheme(calibrator="moving_average", calibrator_args={"averaging_constant": constant})
    state = calibration.start(scheme)
    lo = hi = None
    for seed in range(6):
        batch = np.random.default_rng(seed).normal(seed, 1 + seed, (3, 50)).astype(np.float32)
        state.update(batch)
        low, high = float(batch.min()), float(batch.max())
        lo = low if lo is None else (1 - constant) * lo + constant * low
        hi = high if hi is None else (1 - constant) * hi + constant * high
    assert state.range().lo.item() == pytest.approx(lo, rel=1e-5)
    assert state.range().hi.item() == pytest.approx(hi, rel=1e-5)


def test_one_batch_is_min_max() -> None:
    x = np.random.default_rng(1).normal(size=(5, 7)).astype(np.float32)
    found = calibration.calibrate(x, Scheme(granularity="channel", axis=1, calibrator="moving_average"))
    np.testing.assert_array_equal(found.lo, x.min(0, keepdims=True))
    np.testing.assert_array_equal(found.hi, x.max(0, keepdims=True))
