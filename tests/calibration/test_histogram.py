"""How PyTorch's histogram of a stream is stretched; what it finds is compared with PyTorch in ``tests/oracles``."""

import numpy as np
import pytest

from playground.calibration.histogram import ObservedHistogram


def observed(*batches: list[float], bins: int = 2) -> ObservedHistogram:
    histogram = ObservedHistogram(bins)
    for batch in batches:
        histogram.update(np.float32(batch))
    return histogram


def test_a_part_whose_middle_lies_on_an_edge_goes_to_the_bin_above() -> None:
    """Bins from 0 to 32 in sixteenths, the middle of the first at 0.5; from -31 to 32 that is the edge of two bins."""
    made = observed([0, 32], [-31, 32])
    assert (made.lo, made.hi) == (-31, 32)
    assert made.counts.tolist() == [0 + 1, 2 + 1]


def test_a_part_whose_middle_lies_below_an_edge_goes_to_the_bin_below() -> None:
    made = observed([0, 32], [-30, 32])
    assert made.counts.tolist() == pytest.approx([1 / 16 + 1, 2 - 1 / 16 + 1])


@pytest.mark.parametrize("first", [[0.0, 32.0], [5.0, 5.0]])
def test_nothing_is_lost_when_the_range_grows(first: list[float]) -> None:
    made = observed(first, [-100, 300], [-100, 300], bins=8)
    assert made.counts.sum() == 6
    assert (made.lo, made.hi) == (-100, 300)


def test_the_largest_value_is_in_the_last_bin_and_one_on_an_edge_in_the_bin_above() -> None:
    assert observed([0, 1, 2, 3, 4], bins=4).counts.tolist() == [1, 1, 1, 2]
