"""Min-max against NumPy's own minimum and maximum, on streams and on channels of any axis."""

import numpy as np
import pytest

from playground import Scheme, calibration


@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1])
def test_a_stream_gives_the_extremes_of_all_batches(axis: int | None) -> None:
    scheme = Scheme(granularity="tensor" if axis is None else "channel", axis=axis)
    stream = [np.random.default_rng(i).normal(i - 1, 1, (3, 4, 5)).astype(np.float32) for i in range(3)]
    state = calibration.start(scheme)
    for batch in stream:
        state.update(batch)
    axes = tuple(i for i in range(3) if axis is None or i != axis % 3)
    found = state.range()
    np.testing.assert_array_equal(found.lo, np.min([b.min(axes, keepdims=True) for b in stream], axis=0))
    np.testing.assert_array_equal(found.hi, np.max([b.max(axes, keepdims=True) for b in stream], axis=0))


def test_batches_may_have_different_sizes() -> None:
    state = calibration.start(Scheme())
    state.update([[1.0, 2.0]])
    state.update([[-3.0], [0.5], [1.0]])
    assert (state.range().lo.tolist(), state.range().hi.tolist()) == ([[-3.0]], [[2.0]])
