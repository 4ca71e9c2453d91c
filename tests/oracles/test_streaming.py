"""Histograms, too, take ten gigabytes in less than 200 megabytes; see tests/calibration/test_streaming.py."""

from __future__ import annotations

import pytest

from tests.calibration.test_streaming import HISTOGRAMS, stream


@pytest.mark.parametrize("calibrator", HISTOGRAMS)
def test_ten_gigabytes_pass_through_less_than_200_megabytes(calibrator: str) -> None:
    found = stream(calibrator, False, 2400)
    assert found["gigabytes"] > 10
    assert found["peak"] < 200
    assert found["peak"] - found["early"] < 8
