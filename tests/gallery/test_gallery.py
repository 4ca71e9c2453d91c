"""The gallery's files are what they are said to be. ONNX Runtime measures, scikit-learn knows the digits."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from sklearn.datasets import load_digits

import playground
from playground import gallery
from playground.core import Scheme
from playground.errors import MissingError

IDS = tuple(gallery.entries())


def logits(model_bytes):
    session = onnxruntime.InferenceSession(model_bytes, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"image": gallery.digits().images})[0].astype(np.float64)


def accuracy(model_bytes):
    return float((logits(model_bytes).argmax(axis=1) == gallery.digits().labels).mean())


def with_weights(model_id, scheme, only=None):
    """The model's file with its weight matrices (or one of them) quantized and dequantized."""
    model = onnx.load_from_string(gallery.model_bytes(model_id))
    for tensor in model.graph.initializer:
        if len(tensor.dims) > 1 and only in (None, tensor.name):
            values = playground.dequantize(playground.quantize(numpy_helper.to_array(tensor), scheme))
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return model.SerializeToString()


def test_it_has_the_two_models():
    assert IDS == ("digits-mlp", "digits-convnet")


@pytest.mark.parametrize("model_id", IDS)
def test_files_are_valid_onnx_with_a_dynamic_batch(model_id):
    model = onnx.load_from_string(gallery.model_bytes(model_id))
    onnx.checker.check_model(model, full_check=True)
    entry = gallery.entries()[model_id]
    (image,), (output,) = model.graph.input, model.graph.output
    assert (image.name, output.name) == (entry.input, entry.output)
    assert [d.dim_param or d.dim_value for d in image.type.tensor_type.shape.dim] == ["batch", 1, 8, 8]
    assert model.opset_import[0].version == 17
    assert entry.parameters == sum(math.prod(t.dims) for t in model.graph.initializer)
    assert entry.tensor in [t.name for t in model.graph.initializer]


@pytest.mark.parametrize("model_id", IDS)
def test_noted_accuracy_and_cross_entropy_are_what_onnxruntime_measures(model_id):
    entry, labels = gallery.entries()[model_id], gallery.digits().labels
    answers = logits(gallery.model_bytes(model_id))
    losses = np.logaddexp.reduce(answers, axis=1) - answers[np.arange(labels.size), labels]
    assert entry.float_accuracy == (answers.argmax(axis=1) == labels).mean()
    assert entry.float_cross_entropy == pytest.approx(losses.mean(), rel=1e-4)
    assert gallery.float_accuracy[model_id] == entry.float_accuracy


def test_convnet_is_good_and_has_a_depthwise_layer():
    model = onnx.load_from_string(gallery.model_bytes("digits-convnet"))
    groups = [onnx.helper.get_node_attr_value(node, "group") for node in model.graph.node if node.op_type == "Conv"]
    assert groups == [1, 24, 1, 48, 1]
    assert gallery.float_accuracy["digits-convnet"] >= 0.97


def test_perceptron_has_a_large_tensor_with_outliers():
    weight = gallery.open_model("digits-mlp").tensors["fc2.weight"].numpy()
    assert weight.size >= 32_768
    assert np.abs(weight).max() >= 20 * weight.std()


def test_perceptron_breaks_at_3_bits_and_clipping_repairs_it():
    minmax = with_weights("digits-mlp", Scheme("int3"), only="fc2.weight")
    clipped = with_weights(
        "digits-mlp",
        Scheme("int3", calibrator="percentile", calibrator_args=(("percentile", 99.9),)),
        only="fc2.weight",
    )
    assert accuracy(minmax) < 0.75
    assert accuracy(clipped) > 0.97


def test_convnet_breaks_at_4_bits_per_tensor_and_channels_repair_it():
    assert accuracy(with_weights("digits-convnet", Scheme("int4"))) < 0.75
    assert accuracy(with_weights("digits-convnet", Scheme("int4", granularity="channel", axis=0))) > 0.97


def test_held_out_digits_are_real_stratified_and_not_used_to_calibrate():
    known = load_digits()
    label_of = {
        image.tobytes(): label for image, label in zip(known.images.astype(np.uint8), known.target, strict=True)
    }
    held_out = gallery.digits()
    assert (held_out.images.shape, held_out.images.dtype) == ((360, 1, 8, 8), np.float32)
    assert (held_out.images.min(), held_out.images.max()) == (0, 1)
    grey = [(image * 16).astype(np.uint8).tobytes() for image in held_out.images]
    assert [label_of[image] for image in grey] == held_out.labels.tolist()
    assert set(np.bincount(held_out.labels)) <= {35, 36, 37}
    calibration = [(image * 16).astype(np.uint8).tobytes() for image in gallery.calibration("digits-mlp")["image"]]
    assert len(calibration) == 64
    assert set(calibration) <= set(label_of)
    assert not set(calibration) & set(grey)


def test_it_is_small():
    folder = Path(gallery.__file__).parent
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) < 1_000_000


@pytest.mark.parametrize("ask", [gallery.model_bytes, gallery.open_model, gallery.calibration])
def test_an_unknown_model_is_named_with_the_known_ones(ask):
    with pytest.raises(MissingError, match=r"no model 'resnet'. It has digits-mlp, digits-convnet"):
        ask("resnet")


def test_reading_it_needs_numpy_alone():
    code = (
        "import sys\nfrom playground import gallery\n"
        "for name in gallery.entries(): gallery.model_bytes(name), gallery.calibration(name)\n"
        "gallery.digits()\n"
        "print({'torch', 'sklearn', 'onnx', 'onnxruntime', 'google.protobuf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
