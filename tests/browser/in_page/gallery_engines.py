"""In the page's worker: the gallery's models, quantized there, on every held-out digit, by both integer engines."""

import numpy as np
import pytest

from playground import gallery
from playground.engines.planned import PlannedModel
from playground.ptq.pipeline import quantize_model


@pytest.mark.parametrize("model_id", ["digits-mlp", "digits-convnet"])
def test_kernels_and_numpy_give_the_same_bits(model_id):
    graph = quantize_model(gallery.open_model(model_id), calibration=gallery.calibration(model_id)).model.graph
    digits = gallery.digits()
    assert len(digits.labels) == 360
    feeds = {graph.inputs[0].name: digits.images}
    (ours,) = PlannedModel(graph).run(feeds).values()
    (reference,) = PlannedModel(graph, "reference").run(feeds).values()
    np.testing.assert_array_equal(ours.view(np.int32), reference.view(np.int32))
    accuracy = (ours.argmax(axis=1) == digits.labels).mean()
    assert accuracy >= gallery.entries()[model_id].float_accuracy - 0.01
