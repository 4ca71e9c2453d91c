"""Packed weights that programs share: known by content, never by name, and freed after their last use."""

import gc

import numpy as np
import pytest

from playground import host
from playground.programs.packing import Values, pack
from playground.programs.shared_weights import SharedWeights

BY = Values(False, 3, "int16")


@pytest.fixture
def shared():
    return SharedWeights(host.kernels())


def packed(shared, weights, *how, calls=None):
    """The entry for some weights (depth, columns), whose bias and multiplier are always the same."""
    columns = weights.shape[1]
    of = (weights.astype(np.int16), np.arange(columns, dtype=np.int32), np.full(columns, np.nan, np.float32))

    def make():
        if calls is not None:
            calls.append(weights.shape)
        return pack(of[0][None], of[1], of[2], BY)

    return shared.packed(make, of, *how)


def test_the_same_content_is_packed_once(shared):
    calls, weights = [], np.arange(60).reshape(12, 5)
    first = packed(shared, weights, calls=calls)
    assert packed(shared, weights.copy(), calls=calls) is first
    assert calls == [(12, 5)]
    assert shared.nbytes == first.packed.weights.nbytes
    host.kernels().address(first.packed.weights)  # they are where the kernels read them


@pytest.mark.parametrize("change", ["one value", "the last value", "another shape", "the way of packing"])
def test_other_content_is_packed_anew(shared, change):
    weights = np.arange(6000).reshape(1200, 5) % 100
    first, other = packed(shared, weights), weights.copy()
    if change == "another shape":
        other = other.reshape(600, 10)
    elif change != "the way of packing":
        other[(613, 2) if change == "one value" else (-1, -1)] += 1
    second = packed(shared, other, *(["another"] if change == "the way of packing" else []))
    assert second is not first
    assert shared.nbytes == first.packed.weights.nbytes + second.packed.weights.nbytes
    expected = pack(other.astype(np.int16)[None], second.of[1], second.of[2], BY)
    np.testing.assert_array_equal(second.packed.weights, expected.weights)


def test_weights_that_nobody_uses_any_more_are_given_back(shared):
    used = host.kernels().used
    held = packed(shared, np.ones((4000, 64), int))
    assert host.kernels().used > used
    del held
    gc.collect()
    assert shared.nbytes == 0
    assert host.kernels().used == used
