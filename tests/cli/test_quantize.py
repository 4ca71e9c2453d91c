"""``playground quantize``: what it writes is judged by the onnx package and by ONNX Runtime."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import playground
from playground import gallery
from playground.model.recipe import Recipe, Rule
from playground.quantization import Scheme


def accuracy(path):
    digits = gallery.digits()
    outputs = onnxruntime.InferenceSession(path).run(None, {"image": digits.images})[0]
    return (outputs.argmax(axis=1) == digits.labels).mean()


@pytest.mark.parametrize("model_id", ["digits-mlp", "digits-convnet"])
@pytest.mark.parametrize("activations", ["static", "weight-only"])
def test_from_inspect_to_evaluate_int8_stays_within_a_point_of_float(playground_cli, tmp_path, model_id, activations):
    tensors = playground_cli("inspect", f"gallery:{model_id}", "--json").json["tensors"]
    path = tmp_path / "int8.onnx"
    ran = playground_cli("quantize", f"gallery:{model_id}", "-o", path, "--activations", activations, "--json")
    assert (ran.code, ran.err) == (0, "")
    onnx.checker.check_model(onnx.load(path), full_check=True)
    assert [t["name"] for t in ran.json["tensors"]] == [t["name"] for t in tensors if len(t["shape"]) > 1]
    assert ran.json["output"] == str(path)
    assert ran.json["file_bytes"] == path.stat().st_size < ran.json["file_bytes_before"]
    found = playground_cli("evaluate", path, "--compare", f"gallery:{model_id}", "--json").json
    assert found["model"]["engine"] == ("wasm" if activations == "static" else "reference")
    assert abs(found["model"]["accuracy"] - gallery.entry(model_id).float_accuracy) <= 0.01
    assert found["model"]["accuracy"] == pytest.approx(accuracy(path), abs=0.005)


def test_options_reach_the_file(playground_cli, tmp_path):
    path = tmp_path / "out.onnx"
    options = ["--format", "uint8", "--asymmetric", "--granularity", "tensor", "--activation-format", "int8"]
    options += ["--convention", "pytorch", "--exclude", "fc3", "--exclude", "fc1.w*"]
    report = playground_cli("quantize", "gallery:digits-mlp", "-o", path, *options, "--json").json
    assert [t["name"] for t in report["tensors"]] == ["fc2.weight"]
    assert {s["name"] for s in report["skipped"]} >= {"fc1.weight", "fc3.weight"}
    scheme = Scheme(**report["tensors"][0]["scheme"])
    assert scheme == Scheme("uint8", symmetric=False, convention="pytorch")
    assert report["recipe"]["activation_scheme"]["format"] == "int8"
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    assert constants["fc2.weight_quantized"].dtype == np.uint8
    assert constants["fc1.weight"].dtype == np.float32


def test_clipping_by_percentile_repairs_3_bits(playground_cli, tmp_path):
    path = tmp_path / "3bits.onnx"
    options = ["--format", "int3", "--granularity", "tensor", "--activations", "weight-only", "-o", path]
    playground_cli("quantize", "gallery:digits-mlp", *options)
    assert accuracy(path) < 0.75
    options += ["--weight-calibrator", "percentile", "--weight-calibrator-arg", "percentile=99.9"]
    ran = playground_cli("quantize", "gallery:digits-mlp", *options)
    assert accuracy(path) > 0.95
    assert "int3 symmetric, per tensor" in ran.out
    assert "Note: 3 tensors have codes of less than 8 bits" in ran.out


def test_activation_ranges_come_from_the_calibrator_and_the_samples(playground_cli, tmp_path, float_file):
    images = gallery.calibration("digits-convnet")["image"][:16]
    np.savez(tmp_path / "dim.npz", image=images / 2, labels=np.zeros(16, np.int64))
    options = ["--calibration", tmp_path / "dim.npz", "-o", tmp_path / "out.onnx", "--json"]
    minmax = playground_cli("quantize", float_file, *options).json
    assert minmax["calibration_samples"] == 16
    assert (minmax["activations"][0]["name"], minmax["activations"][0]["hi"]) == ("image", 0.5)
    clipping = ["--calibrator", "percentile", "--calibrator-arg", "percentile=60"]
    clipped = playground_cli("quantize", float_file, *options, *clipping).json
    assert clipped["activations"][0]["hi"] < 0.5


def test_a_recipe_file_stands_for_the_options(playground_cli, tmp_path):
    recipe = Recipe(rules=(Rule("fc1*"),), weights=Scheme("int4"), activations="weight_only")
    (tmp_path / "recipe.json").write_text(recipe.to_json())
    arguments = ["quantize", "gallery:digits-mlp", "--recipe", tmp_path / "recipe.json", "-o", tmp_path / "out.onnx"]
    assert playground_cli(*arguments, "--json").json["recipe"] == json.loads(recipe.to_json())
    ran = playground_cli(*arguments, "--asymmetric")
    assert (ran.code, ran.err.startswith("playground: --recipe: --asymmetric cannot be combined with --recipe")) == (
        2,
        True,
    )


def test_text_says_what_was_written_and_what_stayed(playground_cli, tmp_path):
    path = tmp_path / "out.onnx"
    ran = playground_cli("quantize", "gallery:digits-convnet", "-o", path, "--exclude", "depthwise1")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == f"written      {path}"
    assert lines[1].startswith("file         25.5 kB → ")
    assert lines[1].endswith(" × smaller)")
    assert "ranges from 64 samples" in lines[3]
    table = [line for line in lines if "int8 symmetric, per channel" in line]
    assert len(table) == 5
    assert len({line.index("int8") for line in table}) == 1
    assert all(line.endswith(" dB") for line in table)
    assert any(line.startswith("depthwise1.weight") and "depthwise1'" in line for line in lines)


def test_without_samples_it_says_that_they_were_made_up(playground_cli, tmp_path, float_file):
    ran = playground_cli("quantize", float_file, "-o", tmp_path / "out.onnx")
    assert ran.code == 0
    assert "Note: No calibration data was given" in ran.out


def test_the_file_is_named_after_the_model_when_no_name_is_given(playground_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert playground_cli("quantize", "gallery:digits-convnet").code == 0
    assert (tmp_path / "digits-convnet.quantized.onnx").is_file()


def test_progress_is_shown_on_a_terminal_and_wiped(playground_cli, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    ran = playground_cli("quantize", "gallery:digits-convnet", "-o", tmp_path / "out.onnx")
    shown = ran.err.split("\r")
    assert any("Quantizing conv1.weight" in text for text in shown)
    assert shown[-1] == ""
    assert shown[-2].isspace()
    assert len(shown[-2]) >= max(map(len, shown))


BAD = {
    "no match": (["--exclude", "fc9*"], "--exclude: no operator or tensor is named 'fc9*'"),
    "no folder": (["-o", "nowhere/out.onnx"], "nowhere: the folder does not exist"),
    "unknown format": (["--format", "int9"], "weights: integer operators of ONNX take no weights of format 'int9'"),
    "no parameter": (["--calibrator-arg", "percentile"], "--calibrator-arg: 'percentile' is not NAME=VALUE"),
    "other parameter": (["--calibrator-arg", "bits=3"], "calibrator_args: minmax has no parameter 'bits'"),
    "not a number": (["--calibrator", "percentile", "--calibrator-arg", "percentile=high"], "percentile: 'high'"),
    "both signs": (
        ["--symmetric", "--asymmetric"],
        "quantize: argument --asymmetric: not allowed with argument --symmetric",
    ),
    "needless samples": (
        ["--activations", "weight-only", "--calibration", "x.npz"],
        "--calibration: activations that stay in float need no calibration data",
    ),
    "no samples": (["--calibration", "x.npz"], "x.npz: the file does not exist"),
    "nothing to measure on": (["--data", "x.npz"], "x.npz: the file does not exist"),
    "no recipe": (["--recipe", "x.json"], "x.json: the file does not exist"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_options_are_one_sentence_and_write_nothing(playground_cli, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    options, message = BAD[case]
    ran = playground_cli("quantize", "gallery:digits-mlp", *options)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"playground: {message}")
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"wieghts": {}}', b"\xff\xfe", b'{"weights": {"format": "int99"}}'])
def test_bad_recipes_are_refused(playground_cli, tmp_path, content):
    (tmp_path / "recipe.json").write_bytes(content)
    ran = playground_cli("quantize", "gallery:digits-mlp", "--recipe", tmp_path / "recipe.json", "--json")
    assert (ran.code, ran.json["kind"]) == (2, "invalid_input")


def test_it_does_not_overwrite_what_it_reads(playground_cli, float_file):
    before = float_file.read_bytes()
    ran = playground_cli("quantize", float_file, "-o", float_file)
    assert (ran.code, "this would overwrite the model" in ran.err) == (2, True)
    assert float_file.read_bytes() == before


def test_a_quantized_model_is_not_quantized_again(playground_cli, tmp_path, int8_by_onnxruntime):
    ran = playground_cli("quantize", int8_by_onnxruntime, "-o", tmp_path / "out.onnx", "--json")
    assert (ran.code, ran.json["kind"]) == (2, "unsupported")
    assert "already quantized" in ran.json["message"]


def test_dynamic_activations_need_no_samples(playground_cli, tmp_path):
    path = tmp_path / "dynamic.onnx"
    ran = playground_cli("quantize", "gallery:digits-mlp", "-o", path, "--activations", "dynamic")
    assert (ran.code, "activations  quantized as they come" in ran.out) == (0, True)
    assert accuracy(path) >= gallery.entry("digits-mlp").float_accuracy - 0.01
    operators = {node.op_type for node in onnx.load(path).graph.node}
    assert operators >= {"DynamicQuantizeLinear", "MatMulInteger"}


def test_a_recipe_of_another_tool(playground_cli, tmp_path):
    (tmp_path / "overrides.json").write_text(json.dumps({"fc1.weight": [{"quant_type": "QInt4"}]}))
    arguments = ["--recipe", tmp_path / "overrides.json", "-o", tmp_path / "out.onnx", "--json"]
    found = playground_cli("quantize", "gallery:digits-mlp", *arguments).json
    assert [t["scheme"]["format"] for t in found["tensors"]] == ["int4", "int8", "int8"]


def test_the_runtime_is_asked_first(playground_cli, tmp_path):
    options = ["--runtime", "onnxruntime-web", "-o", tmp_path / "out.onnx", "--json"]
    assert playground_cli("quantize", "gallery:digits-mlp", *options).json["recipe"]["runtime"] == "onnxruntime-web"
    options = ["--runtime", "tflite", "--activation-format", "uint8", "-o", tmp_path / "no.tflite"]
    ran = playground_cli("quantize", "gallery:digits-mlp", *options)
    assert (ran.code, "TensorFlow Lite takes no uint8 activations" in ran.err) == (2, True)


def test_the_ending_of_the_output_says_that_it_is_for_tflite(playground_cli, tmp_path):
    path = tmp_path / "out.tflite"
    ran = playground_cli("quantize", "gallery:digits-convnet", "-o", path)
    assert ran.code == 0
    assert f"{path.stat().st_size / 1000:.1f} kB" in ran.out
    found = playground_cli("quantize", "gallery:digits-convnet", "-o", path, "--json").json
    assert (found["recipe"]["runtime"], found["recipe"]["activation_scheme"]["format"]) == ("tflite", "int8")
    assert (found["file_bytes"], found["verification"]) == (path.stat().st_size, None)
    shown = playground_cli("inspect", path, "--json").json
    assert shown["format"] == "tflite"


def test_without_an_output_the_runtime_says_the_ending(playground_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = playground_cli("quantize", "gallery:digits-mlp", "--runtime", "tflite", "--json").json
    assert (found["output"], (tmp_path / "digits-mlp.quantized.tflite").is_file()) == (
        "digits-mlp.quantized.tflite",
        True,
    )


def test_a_recipe_for_onnx_runtime_is_written_as_tflite_too(playground_cli, tmp_path):
    recipe = tmp_path / "recipe.json"
    recipe.write_text(playground.Recipe().to_json())
    path = tmp_path / "out.tflite"
    found = playground_cli("quantize", "gallery:digits-mlp", "--recipe", recipe, "-o", path, "--json").json
    assert (found["recipe"]["runtime"], found["file_bytes"]) == ("onnxruntime", path.stat().st_size)


def test_what_tflite_has_no_form_of_is_refused(playground_cli, tmp_path):
    options = ["--runtime", "tflite", "--activations", "dynamic", "--format", "int4", "-o", tmp_path / "no.tflite"]
    ran = playground_cli("quantize", "gallery:digits-mlp", *options)
    assert (ran.code, (tmp_path / "no.tflite").exists()) == (2, False)
    assert "TensorFlow Lite multiplies no dynamic activations with int4 weights in Gemm" in ran.err


def test_dynamic_activations_are_written_as_tflite(playground_cli, tmp_path):
    path = tmp_path / "out.tflite"
    found = playground_cli("quantize", "gallery:digits-mlp", "--activations", "dynamic", "-o", path, "--json").json
    assert (found["recipe"]["runtime"], found["recipe"]["activations"]) == ("tflite", "dynamic")
    assert found["file_bytes"] == path.stat().st_size < 120_000


def test_ranges_are_kept_in_a_folder(playground_cli, tmp_path):
    options = ["--ranges", tmp_path / "ranges", "-o", tmp_path / "out.onnx", "--json"]
    first = playground_cli("quantize", "gallery:digits-convnet", *options).json
    (kept,) = (tmp_path / "ranges").iterdir()
    stored = json.loads(kept.read_text())
    assert stored["samples"] == 64
    stored["ranges"]["image"][1] = np.full_like(stored["ranges"]["image"][1], 7.5).tolist()
    kept.write_text(json.dumps(stored))
    again = playground_cli("quantize", "gallery:digits-convnet", *options).json
    assert (first["activations"][0]["hi"], again["activations"][0]["hi"]) == (1.0, 7.5)


def test_a_folder_of_images(playground_cli, tmp_path, float_file):
    from PIL import Image

    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(np.full((20, 16, 3), 60 * number, np.uint8)).save(folder / f"{number}.png")
    options = ["--calibration", folder, "-o", tmp_path / "out.onnx"]
    ran = playground_cli("quantize", float_file, *options, "--image-mean", "0.5")
    assert ran.code == 0
    assert "Images are cropped to 8 x 8, grey, NCHW, 0 to 1, minus 0.5, divided by 1." in ran.out
    found = playground_cli("quantize", float_file, *options, "--json").json
    assert found["calibration_samples"] == 3
    assert found["activations"][0]["hi"] == pytest.approx(120 / 255)
    refused = playground_cli("quantize", float_file, "--image-size", "4", "4", "-o", tmp_path / "out.onnx")
    assert (refused.code, "image options need images. Give an image or a folder" in refused.err) == (2, True)


def test_algorithms_are_named_with_their_parameters(playground_cli, tmp_path):
    ran = playground_cli("quantize", "gallery:digits-mlp", "--algorithms", "alchemy:gold=1", "-o", tmp_path / "o.onnx")
    assert (ran.code, "there is no algorithm 'alchemy'" in ran.err) == (2, True)
    ran = playground_cli("quantize", "gallery:digits-mlp", "--algorithms", "gptq:damping", "-o", tmp_path / "o.onnx")
    assert (ran.code, "'damping' is not NAME=VALUE" in ran.err) == (2, True)


def test_preparing_and_partial_results_are_asked_for(playground_cli, tmp_path):
    options = ["--prepare", "--partial", "--exclude", "fc1*", "-o", tmp_path / "out.onnx", "--json"]
    recipe = playground_cli("quantize", "gallery:digits-mlp", *options).json["recipe"]
    assert (recipe["prepare"], recipe["partial"]) == (True, True)
    options = ["-o", tmp_path / "out.onnx", "--json"]
    assert playground_cli("quantize", "gallery:digits-mlp", *options).json["recipe"]["partial"] is True
    assert playground_cli("quantize", "gallery:digits-mlp", "--strict", *options).json["recipe"]["partial"] is False


def test_the_form_of_the_file_is_asked_for_and_refused_where_there_is_none(playground_cli, tmp_path):
    path = tmp_path / "out.onnx"
    options = ["quantize", "gallery:digits-mlp", "--representation", "QOperator"]
    ran = playground_cli(*options, "-o", path, "--json")
    assert ran.json["recipe"]["representation"] == "qoperator"
    expected = playground.quantize_model(
        gallery.open_model("digits-mlp"),
        playground.Recipe(representation="qoperator"),
        gallery.calibration("digits-mlp"),
    )
    assert path.read_bytes() == expected.onnx
    assert {node.op_type for node in onnx.load(path).graph.node} >= {"QGemm"}
    recipe = tmp_path / "r.json"
    recipe.write_text(playground.Recipe(representation="qoperator").to_json())
    again = tmp_path / "again.onnx"
    assert playground_cli("quantize", "gallery:digits-mlp", "--recipe", recipe, "-o", again).code == 0
    assert again.read_bytes() == path.read_bytes()
    for more, words in (
        (["-o", tmp_path / "out.tflite"], "operators on codes (QOperator)"),
        (["-o", path, "--format", "int4"], "int4 has two in it"),
        (["-o", tmp_path / "out.gguf"], "--representation needs a graph"),
    ):
        refused = playground_cli(*options, *more)
        assert (refused.code, words in refused.err) == (2, True), refused.err


def test_labels_beside_calibration_data_give_the_accuracy_before_and_after(playground_cli, tmp_path):
    digits, path, data = gallery.digits(), tmp_path / "out.onnx", tmp_path / "data.npz"
    options = ("quantize", "gallery:digits-convnet", "-o", path, "--format", "int3", "--calibration", data)
    np.savez(data, image=digits.images, labels=digits.labels)
    found = playground_cli(*options, "--json").json["answers"]
    assert found["data"] == str(data)
    assert found["original"]["accuracy"] == pytest.approx(gallery.entry("digits-convnet").float_accuracy)
    assert found["quantized"]["accuracy"] == pytest.approx(accuracy(path), abs=0.005)
    assert "accuracy 99.4 % → " in playground_cli(*options).out
    np.savez(data, image=digits.images)
    assert playground_cli(*options, "--json").json["answers"] is None
    np.savez(data, image=digits.images, labels=digits.labels[:7])
    assert "labels of shape (7,) do not fit 360 samples" in playground_cli(*options).err


def test_without_labels_the_measure_is_agreement_with_the_float_model(playground_cli, tmp_path):
    path, data = tmp_path / "out.onnx", tmp_path / "data.npz"
    np.savez(data, image=gallery.digits().images)
    ran = playground_cli("quantize", "gallery:digits-convnet", "-o", path, "--data", data, "--json")
    assert ran.json["answers"]["quantized"]["accuracy"] is None
    assert ran.json["answers"]["quantized"]["agreement"] > 0.99


def test_a_script_of_another_tool_makes_the_same_codes(playground_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    samples = gallery.calibration("breast-cancer-mlp")
    np.savez("samples.npz", **samples)
    Path("m.onnx").write_bytes(gallery.model_bytes("breast-cancer-mlp"))
    given = ("quantize", "m.onnx", "--calibration", "samples.npz", "-o", "ours.onnx", "--no-verify")
    text = playground_cli(*given, "--code", "onnxruntime").out
    assert "script written to ours.onnxruntime.py" in text
    script = Path("ours.onnxruntime.py").read_text("utf-8").replace("'ours.onnx'", "'theirs.onnx'")
    exec(compile(script, "script", "exec"), {"__name__": "__main__"})  # noqa: S102
    ours, theirs = (playground.load(name).tensors for name in ("ours.onnx", "theirs.onnx"))
    assert set(ours) == set(theirs)
    for name in ours:
        if name.endswith("_quantized"):
            np.testing.assert_array_equal(ours[name].numpy(), theirs[name].numpy())
    ran = playground_cli(*given, "--code", "torch")
    assert ran.code == 2
    assert "no script for PyTorch" in ran.err
