"""Two models' answers side by side, by counting."""

import numpy as np
import pytest
from scipy.special import softmax as scipy_softmax

from playground.analysis import agreement
from playground.analysis.accuracy import score
from playground.analysis.agreement import Batch, compared, largest_difference, softmax
from playground.errors import InvalidInputError
from playground.model.graph_view import GraphView
from tests.analysis.outputs import graph_with

FLOATS = np.array([[3.0, 1, 0], [0, 2, 1], [0, 1, 2], [5, 4, 0]] * 5)
QUANTIZED = np.array([[3.0, 1, 0], [0, 1, 2], [0, 1, 2], [4, 5, 0]] * 5)
LABELS = np.array([0, 1, 2, 1] * 5)


def both(labels=None, outputs=QUANTIZED):
    batches = [Batch({"y": FLOATS}, {"y": outputs}, labels, len(FLOATS))]
    return compared(GraphView(graph_with(y=(None, 3))), batches, "ours")


def test_agreement():
    found = both(LABELS)
    assert (found.count, found.agreement, found.flipped, found.engine) == (20, 0.5, 10, "ours")
    for measured, outputs in ((found.original, FLOATS), (found.quantized, QUANTIZED)):
        wanted = score(outputs, LABELS)
        assert (measured.accuracy, measured.cross_entropy) == (wanted.accuracy, pytest.approx(wanted.cross_entropy))
    assert (found.original.accuracy, found.quantized.accuracy) == (0.75, 0.75)


def test_outputs_that_were_kept_are_read_again():
    again = both().read_as("values")
    assert (again.quantized.kind, again.agreement, again.flipped) == ("values", None, None)
    error = ((QUANTIZED - FLOATS) ** 2).sum() / (FLOATS**2).sum()
    assert again.quantized.distance == pytest.approx(error)
    with pytest.raises(InvalidInputError, match="cannot be read as boxes with scores"):
        both().read_as("boxes")


def test_large_outputs_are_not_kept(monkeypatch):
    monkeypatch.setattr(agreement, "KEPT", 2 * FLOATS.nbytes - 1)
    assert both().read_as("values") is None


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
