"""The gallery's models, quantized by us, on every held-out digit: our kernels against ONNX Runtime on the same file."""

import numpy as np
import onnxruntime
import pytest

from playground import gallery
from playground.engines.planned import PlannedModel
from playground.model.recipe import Recipe
from playground.opening import load
from playground.ptq.pipeline import quantize_model
from playground.quantization import Scheme


@pytest.mark.parametrize("activations", ["uint8", "int8"])
@pytest.mark.parametrize("model_id", ["digits-mlp", "digits-convnet", "digits-resnet"])
def test_same_answers_as_onnxruntime_and_the_reference(model_id, activations):
    recipe = Recipe(activation_scheme=Scheme(format=activations, symmetric=activations == "int8"))
    quantized = quantize_model(gallery.open_model(model_id), recipe, gallery.calibration(model_id))
    digits = gallery.digits()
    feeds = {quantized.model.graph.inputs[0].name: digits.images}
    (ours,) = PlannedModel(load(quantized.onnx).graph).run(feeds).values()
    (reference,) = PlannedModel(load(quantized.onnx).graph, "reference").run(feeds).values()
    theirs = onnxruntime.InferenceSession(quantized.onnx).run(None, feeds)[0]
    np.testing.assert_array_equal(ours, reference)
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() >= 0.995
    accuracy = (ours.argmax(axis=1) == digits.labels).mean()
    assert accuracy >= gallery.entries()[model_id].float_accuracy - 0.01
