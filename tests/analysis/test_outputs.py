"""Scores of outputs, gathered in batches, against NumPy and scikit-learn's definitions."""

import math

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from scipy.stats import entropy

from playground.analysis.outputs import AnswerReader, OutputTally, gives_probabilities
from playground.errors import InvalidInputError
from playground.model.graph import Model, Node
from playground.operators import view_of
from playground.ptq.pipeline import QuantizedModel
from tests.analysis.outputs import graph_with

rng = np.random.default_rng(0)
LOGITS = rng.normal(size=(90, 5)).astype(np.float32)
NOISY = (LOGITS + rng.normal(0, 0.5, LOGITS.shape)).astype(np.float32)
LABELS = rng.integers(0, 5, 90)


def tallied(reference: np.ndarray, output: np.ndarray, labels: np.ndarray | None, probabilities: bool = False):
    nodes = [Node("Softmax", "last", ("x",), ("y",))] if probabilities else []
    graph = graph_with(nodes=nodes, y=(None, *reference.shape[1:]))
    tally = OutputTally(AnswerReader(view_of(graph), labelled=labels is not None))
    for part in (slice(0, 40), slice(40, 41), slice(41, None)):
        tally.update({"y": reference[part]}, {"y": output[part]}, None if labels is None else labels[part])
    return tally.measured()


def test_against_the_definitions() -> None:
    found = tallied(LOGITS, NOISY, LABELS)
    assert found.samples == 90
    assert found.accuracy == pytest.approx(np.mean(NOISY.argmax(axis=1) == LABELS))
    assert found.agreement == pytest.approx(np.mean(NOISY.argmax(axis=1) == LOGITS.argmax(axis=1)))
    entropy = -log_softmax(NOISY.astype(np.float64), axis=1)[np.arange(90), LABELS].mean()
    assert found.cross_entropy == pytest.approx(entropy, rel=1e-6)
    assert found.loss == found.cross_entropy
    x, noise = LOGITS.astype(np.float64), NOISY.astype(np.float64) - LOGITS
    assert found.relative_error == pytest.approx((noise**2).sum() / (x**2).sum())
    assert found.sqnr_db == pytest.approx(-10 * math.log10(found.relative_error))


def test_probabilities_have_the_cross_entropy_of_their_logits() -> None:
    found = tallied(softmax(LOGITS, axis=1), softmax(NOISY, axis=1), LABELS, probabilities=True)
    assert found.cross_entropy == pytest.approx(tallied(LOGITS, NOISY, LABELS).cross_entropy, rel=1e-5)


def test_several_answers_a_sample() -> None:
    found = tallied(
        LOGITS.reshape(90, 1, 5).repeat(2, 1), NOISY.reshape(90, 1, 5).repeat(2, 1), LABELS[:, None].repeat(2, 1)
    )
    assert found.samples == 180
    assert found.accuracy == tallied(LOGITS, NOISY, LABELS).accuracy


@pytest.mark.parametrize("pixel", [(1,), (1, 1)], ids=["line", "image"])
def test_images_of_one_pixel_are_labelled_as_samples_are(pixel: tuple[int, ...]) -> None:
    reference, output = (x.reshape(*x.shape, *pixel) for x in (LOGITS, NOISY))
    found, plain = tallied(reference, output, LABELS), tallied(LOGITS, NOISY, LABELS)
    assert (found.accuracy, found.cross_entropy) == (plain.accuracy, pytest.approx(plain.cross_entropy))


def test_without_labels_the_measure_is_the_difference() -> None:
    found = tallied(LOGITS, NOISY, None)
    assert found.accuracy is None
    assert found.cross_entropy is None
    probabilities = (softmax(x.astype(np.float64), axis=1) for x in (LOGITS, NOISY))
    assert found.loss == found.distance == pytest.approx(entropy(*probabilities, axis=1).mean())
    same = tallied(LOGITS, LOGITS, None)
    assert (same.distance, same.relative_error, same.agreement, same.sqnr_db) == (0, 0, 1, math.inf)


def test_outputs_without_classes() -> None:
    found = tallied(LOGITS[:, :1], NOISY[:, :1], None)
    assert found.agreement is None
    assert found.samples == 90


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS + 1, "labels from 1 to"),
        (LABELS.astype(float), "labels of type float64"),
        (np.tile(LABELS, 2).reshape(90, 2), "labels of shape"),
    ],
)
def test_labels_that_do_not_fit(labels: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        tallied(LOGITS, NOISY, labels)


def test_whether_an_output_is_a_softmax(net: Model, net_quantized: QuantizedModel, convnet: Model) -> None:
    assert gives_probabilities(view_of(net.graph))
    assert gives_probabilities(view_of(net_quantized.model.graph))
    assert not gives_probabilities(view_of(convnet.graph))
