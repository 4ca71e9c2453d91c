"""Histograms, too, take gigabytes in less than 200 megabytes; see tests/calibration/test_streaming.py."""

from __future__ import annotations

import pytest

from tests.calibration.test_streaming import HISTOGRAMS, stream


@pytest.mark.parametrize(("calibrator", "batches"), [(name, 600) for name in HISTOGRAMS[1:]] + [(HISTOGRAMS[0], 2400)])
def test_gigabytes_pass_through_less_than_200_megabytes(calibrator: str, batches: int) -> None:
    """2.5 of them, and ten through the first: what grows with the stream grows by as much a batch."""
    found = stream(calibrator, False, batches)
    assert found["gigabytes"] > batches / 240
    assert found["peak"] < 200
    assert found["peak"] - found["early"] < 8
