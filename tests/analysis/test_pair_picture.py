"""Both histograms of a pair, against NumPy's."""

import numpy as np
import pytest

from playground.analysis.pair_picture import BINS, pair_picture_task
from playground.errors import InvalidInputError
from playground.limits import MOST_SHOWN_VALUES
from playground.model.graph import Tensor
from playground.tasks import run_sync

RNG = np.random.default_rng(5)


def test_both_are_counted_in_the_same_bins() -> None:
    a = RNG.integers(-40, 60, (30, 20)).astype(np.float32) + np.float32(0.5)
    b = np.clip(a, -20, 70).astype(np.float16)
    found = run_sync(pair_picture_task(Tensor.of("a", a), Tensor.of("b", b)))
    assert (found.lo, found.hi) == (a.min(), a.max())
    for counts, values in zip(found.counts, (a, b), strict=True):
        expected, _ = np.histogram(values, BINS, (found.lo, found.hi))
        np.testing.assert_array_equal(counts, expected)


def test_one_value_alone_has_a_bin() -> None:
    found = run_sync(pair_picture_task(Tensor.of("a", np.float32([2, 2])), Tensor.of("b", np.float32([2, 2]))))
    assert found.lo < 2 < found.hi
    assert [counts.sum() for counts in found.counts] == [2, 2]


def test_what_cannot_be_drawn() -> None:
    a = Tensor.of("a", np.float32([1, np.inf]))
    with pytest.raises(InvalidInputError, match="infinit"):
        run_sync(pair_picture_task(a, a))
    large = Tensor("large", "float32", (MOST_SHOWN_VALUES + 1,), 4, lambda: pytest.fail("its values were read"))
    with pytest.raises(InvalidInputError, match=r"large: \d+ values are too many for a plot"):
        run_sync(pair_picture_task(large, large))
