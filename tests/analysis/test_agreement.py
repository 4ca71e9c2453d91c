"""Two models' answers side by side, by counting."""

import numpy as np
import pytest
from scipy.special import softmax as scipy_softmax

from playground.analysis.accuracy import score
from playground.analysis.agreement import agreement, largest_difference, softmax

FLOATS = np.array([[3.0, 1, 0], [0, 2, 1], [0, 1, 2], [5, 4, 0]])
QUANTIZED = np.array([[3.0, 1, 0], [0, 1, 2], [0, 1, 2], [4, 5, 0]])
LABELS = np.array([0, 1, 2, 1])


def test_agreement():
    compared = agreement(FLOATS, QUANTIZED, LABELS, "ours")
    assert (compared.count, compared.agreement, compared.engine) == (4, 0.5, "ours")
    assert compared.flipped == 2
    assert compared.original == score(FLOATS, LABELS)
    assert compared.quantized == score(QUANTIZED, LABELS)
    assert (compared.original.accuracy, compared.quantized.accuracy) == (0.75, 0.75)


@pytest.mark.parametrize("shape", [(4,), (3, 4)])
def test_softmax_by_scipy(shape):
    logits = np.float32(300) * np.random.default_rng(0).normal(size=shape).astype(np.float32)
    np.testing.assert_allclose(softmax(logits), scipy_softmax(logits.astype(np.float64), axis=-1), rtol=1e-5)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (np.float32([1, -2]), np.float32([1, 3]), 5),
        (np.uint8([0, 5]), np.uint8([1, 5]), 1),
        (np.array([True, False]), np.array([True, True]), 1),
        (np.int64(4), np.int64(7), 3),
        (np.zeros((0, 3)), np.zeros((0, 3)), 0),
    ],
)
def test_largest_difference(a, b, expected):
    assert largest_difference(np.asarray(a), np.asarray(b)) == expected
