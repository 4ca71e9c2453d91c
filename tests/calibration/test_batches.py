"""Which values share a scale, against loops."""

import numpy as np
import pytest

from playground import Scheme
from playground.calibration._batches import Batches

SCHEMES = [
    Scheme(),
    *(Scheme(granularity="channel", axis=axis) for axis in range(3)),
    *(Scheme(granularity="token", axis=axis) for axis in range(3)),
    *(Scheme(granularity="block", axis=axis, block_size=size) for axis in range(3) for size in (1, 2, 3, 7)),
    Scheme(granularity="block", block_size=8),
]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: f"{s.granularity}-{s.axis}-{s.block_size}")
def test_rows_hold_the_values_of_each_scale(scheme: Scheme) -> None:
    x = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    batches = Batches(scheme)
    batches.check(x)
    shape = scheme.qparams_shape(x.shape)
    scale_of = scheme.grouping.expand(np.arange(np.prod(shape)).reshape(shape), x.shape)
    expected = [np.sort(x[scale_of == i]) for i in range(int(np.prod(shape)))]
    rows = batches.split(x)
    assert len(rows) == len(expected)
    for row, each, wanted in zip(rows, batches.each(x), expected, strict=True):
        np.testing.assert_array_equal(np.sort(each), wanted)
        np.testing.assert_array_equal(np.sort(row[~np.isnan(row)]), wanted)
    lo, hi = batches.extremes(x)
    np.testing.assert_array_equal(lo.reshape(-1), [values[0] for values in expected])
    np.testing.assert_array_equal(hi.reshape(-1), [values[-1] for values in expected])
