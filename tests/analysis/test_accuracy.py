"""Scores, against scikit-learn and ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from sklearn.metrics import accuracy_score, log_loss

from playground import gallery
from playground.analysis.accuracy import Evaluator, evaluator_for, score
from playground.errors import InvalidInputError

RNG = np.random.default_rng(2)


@pytest.mark.parametrize("scale", [1, 3, 1000])
def test_score_by_scikit_learn(scale):
    logits = (scale * RNG.normal(size=(200, 5))).astype(np.float32)
    labels = RNG.integers(0, 5, 200)
    exact = np.exp(logits.astype(np.longdouble) - logits.max(axis=1, keepdims=True))
    shares = exact / exact.sum(axis=1, keepdims=True)
    found = score(logits, labels)
    assert found.accuracy == accuracy_score(labels, logits.argmax(axis=1))
    if scale < 1000:
        assert found.cross_entropy == pytest.approx(log_loss(labels, shares.astype(np.float64)), rel=1e-6)
    assert found.cross_entropy == pytest.approx(float(-np.log(shares[np.arange(200), labels]).mean()), rel=1e-6)


@pytest.mark.parametrize(("outputs", "labels"), [((3, 4), 2), ((3,), 3), ((3, 4, 1), 3)])
def test_shapes_that_do_not_belong_together(outputs, labels):
    with pytest.raises(InvalidInputError, match="Give one label for each row of classes"):
        score(np.zeros(outputs), np.zeros(labels, np.int64))


@pytest.mark.parametrize(
    ("labels", "said"),
    [([0, -1, 2], "from -1 on"), ([0, 1, 5], "from 0 to 5 do not fit 5 classes"), ([0.0, 1.0, 2.0], "of type float64")],
)
def test_labels_that_are_no_classes(labels, said):
    with pytest.raises(InvalidInputError, match=f"labels {said}"):
        score(np.zeros((3, 5)), np.array(labels))


@pytest.fixture(scope="module")
def evaluator():
    return evaluator_for("digits-mlp", gallery.open_model("digits-mlp"))


def by_onnxruntime(replaced):
    model = onnx.load_from_string(gallery.model_bytes("digits-mlp"))
    for tensor in model.graph.initializer:
        if tensor.name in replaced:
            tensor.CopyFrom(numpy_helper.from_array(replaced[tensor.name], tensor.name))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"image": gallery.digits().images})[0]


def test_float_score(evaluator):
    expected = by_onnxruntime({})
    labels = gallery.digits().labels
    shares = np.exp(expected.astype(np.float64))
    assert evaluator.count == 360
    assert evaluator.float_score.accuracy == accuracy_score(labels, expected.argmax(axis=1))
    assert evaluator.float_score.cross_entropy == pytest.approx(
        log_loss(labels, shares / shares.sum(axis=1, keepdims=True)), rel=1e-4
    )


@pytest.mark.parametrize("name", ["fc1.weight", "fc2.weight", "fc3.weight"])
def test_score_with_a_weight_replaced(evaluator, name):
    weight = gallery.open_model("digits-mlp").tensors[name].numpy()
    coarse = np.float32(0.2) * np.rint(weight / np.float32(0.2))
    expected = score(by_onnxruntime({name: coarse}), gallery.digits().labels)
    found = evaluator.with_weight(name, coarse)
    assert found.accuracy == pytest.approx(expected.accuracy, abs=1 / 360)
    assert found.cross_entropy == pytest.approx(expected.cross_entropy, rel=1e-3)
    assert found != evaluator.float_score


def test_replacing_a_weight_leaves_no_trace(evaluator):
    weight = gallery.open_model("digits-mlp").tensors["fc1.weight"].numpy()
    assert evaluator.with_weight("fc1.weight", np.zeros_like(weight)).accuracy < 0.2
    again = evaluator.with_weight("fc1.weight", weight)
    assert again.accuracy == evaluator.float_score.accuracy
    assert again.cross_entropy == pytest.approx(evaluator.float_score.cross_entropy, rel=1e-6)


def test_no_evaluator_without_data():
    model = gallery.open_model("digits-mlp")
    assert evaluator_for("upload", model) is None
    assert isinstance(evaluator_for("digits-mlp", model), Evaluator)
