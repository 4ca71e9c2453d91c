"""The gallery's files are what they are said to be. ONNX Runtime measures, scikit-learn knows digits and tumours."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from sklearn.datasets import load_breast_cancer, load_digits

import playground
from playground import gallery
from playground.engines.interpreter import run_graph
from playground.errors import InvalidInputError, MissingError
from playground.opening import opened
from playground.quantization import Scheme

IDS = tuple(gallery.entries())
STORED = tuple(name for name, entry in gallery.entries().items() if not entry.made_from)
MADE = tuple(name for name, entry in gallery.entries().items() if entry.made_from)


def outputs(model_bytes, feeds):
    session = onnxruntime.InferenceSession(model_bytes, providers=["CPUExecutionProvider"])
    return session.run(["logits"], feeds)[0]


def logits(model_bytes):
    return outputs(model_bytes, {"image": gallery.digits().images}).astype(np.float64)


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


def test_it_has_these_models_and_the_two_of_the_first_view_come_first_among_the_stored():
    assert set(IDS) == {
        "digits-mlp",
        "digits-convnet",
        "digits-depthwise",
        "digits-resnet",
        "breast-cancer-mlp",
        "moby-dick-transformer",
        "moby-dick-outliers",
    }
    assert STORED[:2] == ("digits-mlp", "digits-convnet")
    assert MADE == ("digits-depthwise", "moby-dick-outliers")


@pytest.mark.parametrize("model_id", IDS)
def test_files_are_valid_onnx_with_a_dynamic_batch(model_id):
    model = onnx.load_from_string(gallery.model_bytes(model_id))
    onnx.checker.check_model(model, full_check=True)
    entry = gallery.entry(model_id)
    (given,), (output,) = model.graph.input, model.graph.output
    assert (given.name, output.name) == (entry.input, entry.output)
    sizes = {"digits": [1, 8, 8], "breast-cancer": [30], "moby-dick": [128]}[entry.data.id]
    assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == ["batch", *sizes]
    assert model.opset_import[0].version in (17, 20)
    floats = {t.name: math.prod(t.dims) for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT}
    assert entry.parameters == sum(floats.values()) - sum(floats.get(f"attention.{n}", 0) for n in ("never", "scale"))
    assert entry.tensor in floats


@pytest.mark.parametrize("model_id", list(gallery.entries()))
def test_opening_would_change_nothing(model_id):
    model = gallery.open_model(model_id)
    assert opened(model) is model


@pytest.mark.slow
@pytest.mark.parametrize("model_id", IDS)
def test_noted_accuracy_and_cross_entropy_are_what_onnxruntime_measures(model_id):
    entry, held_out = gallery.entry(model_id), gallery.held_out(model_id)
    answers = outputs(gallery.model_bytes(model_id), held_out.feeds).astype(np.float64)
    losses = np.logaddexp.reduce(answers, axis=-1) - np.take_along_axis(answers, held_out.labels[..., None], -1)[..., 0]
    assert held_out.labels.size == held_out.count == losses.size
    assert entry.float_accuracy == pytest.approx((answers.argmax(axis=-1) == held_out.labels).mean(), abs=2e-4)
    assert entry.float_cross_entropy == pytest.approx(losses.mean(), rel=1e-4)
    assert entry.float_perplexity == pytest.approx(np.exp(losses.mean()), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("model_id", MADE)
def test_made_models_say_so_and_give_equal_outputs(model_id):
    entry, model = gallery.entry(model_id), gallery.open_model(model_id)
    assert entry.made in model.notes
    assert entry.made_from in entry.made
    assert model.name == f"{model_id}.onnx"
    feeds = gallery.held_out(model_id, 8).feeds
    ours, base = (
        playground.run(model, feeds, "reference"),
        playground.run(gallery.open_model(entry.made_from), feeds, "reference"),
    )
    np.testing.assert_array_equal(ours["logits"], base["logits"])


def test_convnet_is_good_and_has_a_depthwise_layer():
    model = onnx.load_from_string(gallery.model_bytes("digits-convnet"))
    groups = [onnx.helper.get_node_attr_value(node, "group") for node in model.graph.node if node.op_type == "Conv"]
    assert groups == [1, 24, 1, 48, 1]
    assert gallery.entry("digits-convnet").float_accuracy >= 0.97


def test_depthwise_filters_differ_by_orders_of_magnitude():
    ranges = np.abs(gallery.open_model("digits-depthwise").tensors["depthwise1.weight"].numpy()).max(axis=(1, 2, 3))
    assert ranges.max() > 300 * np.median(ranges)


def test_outlier_channels_are_far_from_the_others():
    feeds = gallery.held_out("moby-dick-outliers", 2).feeds
    graphs = [gallery.open_model(name).graph for name in ("moby-dick-transformer", "moby-dick-outliers")]
    name = "blocks.0.norm2.out"
    plain, outlying = (np.abs(run_graph(graph, feeds, [name])[name]).max(axis=(0, 1)) for graph in graphs)
    assert plain.max() < 10 * np.median(plain)
    assert (outlying > 10 * np.median(outlying)).sum() == 4


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


def grey(images):
    return [(image * 16).astype(np.uint8).tobytes() for image in images]


def test_held_out_digits_are_real_stratified_and_not_used_to_calibrate():
    known = load_digits()
    label_of = {
        image.tobytes(): label for image, label in zip(known.images.astype(np.uint8), known.target, strict=True)
    }
    held_out = gallery.digits()
    assert (held_out.images.shape, held_out.images.dtype) == ((360, 1, 8, 8), np.float32)
    assert (held_out.images.min(), held_out.images.max()) == (0, 1)
    assert [label_of[image] for image in grey(held_out.images)] == held_out.labels.tolist()
    assert set(np.bincount(held_out.labels)) <= {35, 36, 37}
    calibration = grey(gallery.calibration("digits-mlp")["image"])
    assert len(calibration) == 64
    assert set(calibration) <= set(label_of)
    assert not set(calibration) & set(grey(held_out.images))
    np.testing.assert_array_equal(gallery.held_out("digits-resnet").feeds["image"], held_out.images)


def test_held_out_tumours_are_real_and_not_used_to_calibrate():
    known = load_breast_cancer()
    label_of = {row.tobytes(): label for row, label in zip(known.data.astype(np.float32), known.target, strict=True)}
    held_out, calibration = gallery.held_out("breast-cancer-mlp"), gallery.calibration("breast-cancer-mlp")
    rows = [row.tobytes() for row in held_out.feeds["measurements"]]
    assert [label_of[row] for row in rows] == held_out.labels.tolist()
    assert (len(rows), held_out.noun) == (190, "tumours")
    calibrating = {row.tobytes() for row in calibration["measurements"]}
    assert len(calibrating) == 64
    assert calibrating <= set(label_of) - set(rows)


def test_held_out_text_is_moby_dick_and_labels_are_the_next_characters():
    held_out = gallery.held_out("moby-dick-transformer")
    tokens = held_out.feeds["tokens"]
    assert (tokens.shape, tokens.dtype, held_out.noun) == ((128, 128), np.int64, "characters")
    np.testing.assert_array_equal(held_out.labels[:, :-1], tokens[:, 1:])
    text = "".join(gallery.text_of(piece) for piece in tokens)
    assert sum(text.count(word) for word in ("whale", "Ahab", "Stubb", "ship")) > 10
    calibration = gallery.calibration("moby-dick-transformer")["tokens"]
    assert not {piece.tobytes() for piece in calibration} & {piece.tobytes() for piece in tokens}
    assert gallery.text_of(calibration[0]).startswith("Call me Ishmael.")


def test_a_part_of_the_held_out_samples_can_be_had():
    part = gallery.held_out("moby-dick-transformer", 3)
    assert (part.labels.shape, part.count) == ((3, 128), 384)


def test_text_and_tokens():
    np.testing.assert_array_equal(gallery.tokens_of("A whale!"), [gallery.characters().index(c) for c in "A whale!"])
    assert gallery.text_of(gallery.tokens_of("A whale!")) == "A whale!"
    with pytest.raises(InvalidInputError, match="the character 'é' is not in"):
        gallery.tokens_of("café")


def test_transformer_looks_only_back():
    """So that a prompt may be padded at its end."""
    tokens = gallery.held_out("moby-dick-transformer", 2).feeds["tokens"]
    other = tokens.copy()
    other[:, 50:] = 0
    content = gallery.model_bytes("moby-dick-transformer")
    ours, theirs = outputs(content, {"tokens": tokens}), outputs(content, {"tokens": other})
    np.testing.assert_allclose(ours[:, :50], theirs[:, :50], atol=1e-5)
    assert np.abs(ours[:, 50:] - theirs[:, 50:]).max() > 1


def test_transformer_has_about_a_million_parameters_and_has_learned():
    entry = gallery.entry("moby-dick-transformer")
    assert 0.9e6 < entry.parameters < 1.2e6
    counts = np.bincount(gallery.held_out(entry.id).labels.reshape(-1))
    shares = counts[counts > 0] / counts.sum()
    assert entry.float_perplexity < 0.35 * np.exp(-(shares * np.log(shares)).sum())  # that of the letters' frequencies


def test_it_is_small():
    folder = Path(gallery.__file__).parent
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) < 5_500_000


@pytest.mark.parametrize("ask", [gallery.model_bytes, gallery.open_model, gallery.calibration, gallery.missing_files])
def test_an_unknown_model_is_named_with_the_known_ones(ask):
    with pytest.raises(MissingError, match=r"no model 'vgg'. Use one of: digits-mlp, digits-convnet"):
        ask("vgg")


def test_files_that_have_not_come_are_named_and_can_be_put(tmp_path, monkeypatch):
    content = gallery.model_bytes("digits-resnet")
    monkeypatch.setattr(gallery, "_FOLDER", tmp_path)
    assert gallery.missing_files("digits-resnet") == ("digits-resnet.onnx", "digits.npz")
    assert gallery.missing_files("digits-depthwise") == ("digits-convnet.onnx", "digits.npz")
    with pytest.raises(MissingError, match=r"digits-resnet.onnx has not been fetched"):
        gallery.open_model("digits-resnet")
    gallery.put_file("digits-resnet.onnx", content)
    assert gallery.missing_files("digits-resnet") == ("digits.npz",)
    assert gallery.model_bytes("digits-resnet") == content
    with pytest.raises(MissingError, match=r"no file 'evil.py'"):
        gallery.put_file("evil.py", b"")


def test_reading_it_needs_numpy_alone():
    code = (
        "import sys\nfrom playground import gallery\n"
        "for name, entry in gallery.entries().items():\n"
        "    gallery.calibration(name), gallery.held_out(name)\n"
        "    entry.made_from or gallery.model_bytes(name)\n"
        "gallery.digits()\n"
        "print({'torch', 'sklearn', 'onnx', 'onnxruntime', 'google.protobuf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
