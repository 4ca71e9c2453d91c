"""``playground evaluate`` against ONNX Runtime's answers and scikit-learn's cross-entropy."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from playground import gallery
from playground.host.cpython import WasmtimeKernels


def answers(path, images):
    return onnxruntime.InferenceSession(path).run(None, {"image": images})[0]


@pytest.mark.parametrize("engine", ["reference", "onnxruntime"])
def test_float_model_scores_as_noted(playground_cli, engine):
    found = playground_cli("evaluate", "gallery:digits-convnet", "--engine", engine, "--json").json
    assert found["samples"] == 360
    assert found["model"]["engine"] == engine
    assert found["model"]["accuracy"] == gallery.entry("digits-convnet").float_accuracy
    entry = gallery.entries()["digits-convnet"]
    assert found["model"]["cross_entropy"] == pytest.approx(entry.float_cross_entropy, rel=1e-4)


def test_int8_model_on_our_kernels_answers_as_onnxruntime_does(playground_cli, int8_by_onnxruntime):
    found = playground_cli("evaluate", int8_by_onnxruntime, "--compare", "gallery:digits-convnet", "--json").json
    digits = gallery.digits()
    wanted = answers(int8_by_onnxruntime, digits.images)
    assert (found["model"]["engine"], found["other"]["engine"]) == ("wasm", "reference")
    assert found["model"]["note"] == found["other"]["note"] == ""
    assert found["model"]["accuracy"] == pytest.approx((wanted.argmax(axis=1) == digits.labels).mean(), abs=0.005)
    assert abs(found["model"]["accuracy"] - found["other"]["accuracy"]) <= 0.01
    float_answers = onnxruntime.InferenceSession(gallery.model_bytes("digits-convnet")).run(
        None, {"image": digits.images}
    )[0]
    noise = ((wanted - float_answers) ** 2).sum()
    assert found["difference"]["sqnr_db"] == pytest.approx(10 * np.log10((float_answers**2).sum() / noise), abs=0.5)
    assert found["difference"]["agreement"] == pytest.approx(
        (wanted.argmax(axis=1) == float_answers.argmax(axis=1)).mean(), abs=0.005
    )


def test_text_has_a_row_a_model_and_the_difference(playground_cli, int8_by_onnxruntime):
    lines = playground_cli("evaluate", int8_by_onnxruntime, "--compare", "gallery:digits-convnet").out.splitlines()
    assert lines[0] == "360 samples of the gallery's held-out digits"
    header, first, second = lines[2:5]
    assert header.split() == ["model", "size", "engine", "accuracy", "cross-entropy"]
    assert "wasm" in first
    assert second.startswith("gallery:digits-convnet  ")
    assert "  99.4 %  " in second
    assert second.endswith("0.0264 nats")
    assert len(first) == len(second) == len(header)
    assert lines[6].startswith("Agreement           ")
    assert lines[7].endswith(" dB")


def test_own_samples_with_labels(playground_cli, float_file, tmp_path):
    digits = gallery.digits()
    labels = (digits.labels[:7] + np.array([0, 0, 0, 0, 0, 1, 1])) % 10
    np.savez(tmp_path / "mine.npz", image=digits.images[:7], labels=labels)
    found = playground_cli("evaluate", float_file, "--data", tmp_path / "mine.npz", "--json").json
    right = answers(float_file, digits.images[:7]).argmax(axis=1) == labels
    assert found["samples"] == 7
    assert found["model"]["accuracy"] == pytest.approx(right.mean())


def test_a_fixed_batch_is_filled_up(playground_cli, edited):
    def fix(model):
        for value in (model.graph.input[0], model.graph.output[0]):
            value.type.tensor_type.shape.dim[0].dim_value = 50  # 360 is no multiple

    found = playground_cli("evaluate", edited(fix), "--engine", "onnxruntime", "--json").json
    assert found["model"]["accuracy"] == gallery.entry("digits-convnet").float_accuracy


def test_softmax_at_the_end_does_not_change_the_cross_entropy(playground_cli, edited):
    def add_softmax(model):
        model.graph.node.append(helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1))
        model.graph.output[0].name = "probabilities"

    found = playground_cli("evaluate", edited(add_softmax), "--json").json
    wanted = gallery.entries()["digits-convnet"].float_cross_entropy
    assert found["model"]["cross_entropy"] == pytest.approx(wanted, rel=1e-3)


def test_what_only_onnxruntime_runs_is_run_there_and_said(playground_cli, edited):
    def add_gelu(model):
        model.graph.node.append(helper.make_node("FastGelu", ["logits"], ["last"], name="last", domain="com.microsoft"))
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        model.graph.output[0].name = "last"

    found = playground_cli("evaluate", edited(add_gelu), "--json").json["model"]
    assert found["engine"] == "onnxruntime"
    assert "FastGelu" in found["note"]
    assert found["accuracy"] > 0.95


BAD_SAMPLES = {
    "no input": (
        {"pixels": "images", "shapes": "images"},
        "the model's input 'image' has no array; the file has 'pixels', 'shapes'",
    ),
    "no labels": ({"image": "images"}, "the samples have no labels"),
    "other count": ({"image": "images", "labels": "few"}, "labels of shape (3,) do not fit 20 samples"),
    "no classes": ({"image": "images", "labels": "large"}, "labels from 1 to 200 do not fit 10 classes"),
    "not integers": ({"image": "images", "labels": "float"}, "labels of type float32"),
    "other shape": ({"image": "flat", "labels": "labels"}, "image"),
    "none": ({"image": "empty", "labels": "none"}, "the arrays have no samples"),
}


@pytest.mark.parametrize("case", BAD_SAMPLES)
def test_samples_that_do_not_fit_are_refused(playground_cli, tmp_path, case):
    images = gallery.digits().images[:20]
    labels = gallery.digits().labels[:20]
    arrays = {
        "images": images,
        "flat": images.reshape(20, 64),
        "empty": images[:0],
        "labels": labels,
        "few": labels[:3],
        "large": np.r_[labels[:19], 200],
        "float": labels.astype(np.float32),
        "none": labels[:0],
    }
    held, message = BAD_SAMPLES[case]
    np.savez(tmp_path / "bad.npz", **{name: arrays[key] for name, key in held.items()})
    ran = playground_cli("evaluate", "gallery:digits-convnet", "--data", tmp_path / "bad.npz")
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_other_refusals(playground_cli, tmp_path, float_file, edited):
    np.savez(tmp_path / "weights.npz", w=np.zeros(3, np.float32))
    assert "has tensors but no graph" in playground_cli("evaluate", tmp_path / "weights.npz").err
    assert "the file is a model, not samples" in playground_cli("evaluate", float_file, "--data", float_file).err
    both = playground_cli("evaluate", float_file, "--data", "x.npz", "--gallery", "digits")
    assert (both.code, "not allowed with" in both.err) == (2, True)

    def widen(model):
        model.graph.input[0].type.tensor_type.shape.dim[3].dim_value = 9

    ran = playground_cli("evaluate", edited(widen))
    assert (ran.code, ran.err) == (
        2,
        "playground: --data: no samples are named, and the model has none of its own. Give --data samples.npz with "
        "an array 'image', or sizes of made-up inputs: --shape NAME=SIZES\n",
    )


def test_compared_outputs_have_to_have_one_shape(playground_cli, edited):
    def fewer(model):
        kept = {node.output[0]: node for node in model.graph.node}
        model.graph.output[0].name = kept["logits"].input[0]
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 64
        del model.graph.node[-1]

    path = edited(fewer)
    onnx.checker.check_model(onnx.load(path))
    ran = playground_cli("evaluate", "gallery:digits-convnet", "--compare", path)
    assert ran.code == 2
    assert "outputs 'flatten.out' of shape [10] and [64] a sample cannot be compared" in ran.err


def test_an_engine_that_is_not_installed_is_passed_over_and_said(playground_cli, monkeypatch, int8_by_onnxruntime):
    monkeypatch.setitem(sys.modules, "wasmtime", None)  # importing it raises ImportError
    monkeypatch.setattr("playground.engines.wasm.kernels", WasmtimeKernels)
    found = playground_cli("evaluate", int8_by_onnxruntime, "--json").json["model"]
    assert found["engine"] == "reference"
    assert "wasmtime" in found["note"]


def test_outputs_that_are_no_numbers_are_told_and_not_scored(playground_cli, edited):
    def spoil(model):
        bias = next(t for t in model.graph.initializer if t.name == "fc.bias")
        values = onnx.numpy_helper.to_array(bias).copy()
        values[3] = np.nan
        bias.CopyFrom(onnx.numpy_helper.from_array(values, "fc.bias"))

    path = edited(spoil)
    ran = playground_cli("evaluate", path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"playground: {path}: 360 of the model's 3600 outputs are NaN or infinite")


def test_the_time_by_step(playground_cli, int8_by_onnxruntime):
    found = playground_cli("evaluate", int8_by_onnxruntime, "--profile", "--gallery", "digits", "--json").json
    steps = found["profile"]["steps"]
    assert {step["by"] for step in steps} == {"int8 kernels", "float kernels"}
    assert {step["by"] for step in steps if step["operations"]} == {"int8 kernels"}
    assert sum(step["operations"] for step in steps) == 13824 * 2 + 73728 + 6912 + 49152 + 640
    assert found["onnxruntime_seconds"] > 0
    text = playground_cli("evaluate", int8_by_onnxruntime, "--profile").out
    assert "ONNX Runtime with the same file" in text
    assert "made-up inputs" in text
    assert text.count("kernels") >= len(steps)


@pytest.mark.parametrize("options", [["--compare", "gallery:digits-mlp"], ["--engine", "wasm"], ["--sensitivity"]])
def test_a_profile_is_a_study_of_its_own(playground_cli, options):
    ran = playground_cli("evaluate", "gallery:digits-convnet", "--profile", *options)
    assert ran.code != 0
    assert "--profile" in ran.err
