"""Answers of both models, against ONNX Runtime's of the files that were written."""

import numpy as np
import onnxruntime
import pytest

from playground import gallery
from playground.analysis.answers import answers
from playground.errors import InvalidInputError
from playground.model.recipe import Recipe
from playground.ptq.pipeline import quantize_model
from playground.quantization import Scheme

DIGITS = gallery.digits()
RECIPE = Recipe(weights=Scheme("int3", "channel"), activations="weight_only")


def classes(file: bytes) -> np.ndarray:
    return onnxruntime.InferenceSession(file).run(None, {"image": DIGITS.images})[0].argmax(axis=1)


@pytest.mark.parametrize("labelled", [True, False])
def test_accuracy_and_agreement_are_those_of_the_files(labelled: bool) -> None:
    result = quantize_model(gallery.open_model("digits-convnet"), RECIPE)
    found = answers(result, {"image": DIGITS.images}, DIGITS.labels if labelled else None)
    before, after = classes(gallery.model_bytes("digits-convnet")), classes(result.onnx)
    assert found.quantized.agreement == pytest.approx((before == after).mean())
    assert found.original.agreement == 1
    assert found.quantized.agreement < 0.99
    if labelled:
        assert found.original.accuracy == pytest.approx((before == DIGITS.labels).mean())
        assert found.quantized.accuracy == pytest.approx((after == DIGITS.labels).mean())
        assert found.as_dict()["quantized"]["cross_entropy"] > found.original.cross_entropy
    else:
        assert found.quantized.accuracy is found.original.cross_entropy is None


def test_labels_that_do_not_fit() -> None:
    result = quantize_model(gallery.open_model("digits-convnet"), RECIPE)
    with pytest.raises(InvalidInputError, match="5 labels do not fit 360 samples"):
        answers(result, {"image": DIGITS.images}, DIGITS.labels[:5])


def test_made_up_samples_say_so() -> None:
    assert answers(quantize_model(gallery.open_model("digits-convnet"), RECIPE)).generated
