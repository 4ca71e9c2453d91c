"""``playground quantize`` of files that have tensors and no graph."""

import numpy as np
import pytest
import safetensors.numpy

import playground


def test_codes_and_scales_are_written(playground_cli, tmp_path):
    x = np.random.default_rng(0).normal(0, 1, (4, 16)).astype(np.float32)
    safetensors.numpy.save_file({"w": x, "v": x, "b": np.ones(4, np.float32)}, tmp_path / "m.safetensors")
    output = tmp_path / "q.npz"
    given = ("quantize", tmp_path / "m.safetensors", "-o", output, "--format", "int4", "--exclude", "v")
    found = playground_cli(*given, "--json").json
    assert [tensor["name"] for tensor in found["tensors"]] == ["w"]
    assert {skipped["name"] for skipped in found["skipped"]} == {"v", "b"}
    held = np.load(output)
    assert set(held) == {"w.codes", "w.scale", "v", "b"}
    error = x - held["w.codes"] * held["w.scale"]
    assert np.isclose(10 * np.log10((x**2).sum() / (error**2).sum()), found["tensors"][0]["sqnr_db"])
    text = playground_cli(*given).out
    assert f"written      {output}" in text
    assert "left in float" in text


def test_options_that_need_a_graph_are_refused(playground_cli, tmp_path):
    np.savez(tmp_path / "w.npz", w=np.ones((2, 2)))
    for option in (("--calibration", "x.npz"), ("--improve",), ("--activations", "dynamic"), ("--algorithms", "gptq")):
        ran = playground_cli("quantize", tmp_path / "w.npz", *option)
        assert ran.code == 2
        assert f"{option[0]} needs a graph" in ran.err
    ran = playground_cli("quantize", tmp_path / "w.npz", "-o", tmp_path / "q.npz", "--activations", "weight-only")
    assert ran.code == 0


@pytest.fixture
def weights(tmp_path):
    x = np.random.default_rng(0).normal(0, 1, (4, 64)).astype(np.float32)
    safetensors.numpy.save_file({"w": x, "b": np.ones(4, np.float32)}, tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def test_the_ending_of_the_output_says_what_is_written(playground_cli, tmp_path, weights):
    output = tmp_path / "q.gguf"
    found = playground_cli("quantize", weights, "-o", output, "--json").json
    assert (found["recipe"]["runtime"], found["recipe"]["weights"]["format"]) == ("gguf", "q8_0")
    assert playground.load(output).tensors["w"].dtype == "q8_0"
    playground_cli("quantize", weights, "-o", output, "--format", "iq4_nl")
    assert playground.load(output).tensors["w"].dtype == "iq4_nl"


def test_the_runtime_says_what_is_written(playground_cli, tmp_path, weights, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = playground_cli("quantize", weights, "--runtime", "gguf", "--json").json
    assert found["output"] == "m.quantized.gguf"
    assert found["file_bytes"] == (tmp_path / "m.quantized.gguf").stat().st_size


def test_files_that_do_not_fit_are_refused(playground_cli, tmp_path, weights):
    ran = playground_cli("quantize", weights, "-o", tmp_path / "q.zip")
    assert (ran.code, ".gguf" in ran.err) == (2, True)
    ran = playground_cli("quantize", weights, "-o", tmp_path / "q.gguf", "--runtime", "onnxruntime")
    assert "ONNX Runtime (CPU) does not read .gguf files" in ran.err
    assert not (tmp_path / "q.gguf").exists()


def test_a_script_is_written_beside_the_file(playground_cli, tmp_path, weights, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = playground_cli("quantize", weights, "-o", "q.gguf", "--code", "playground", "--json").json
    assert found["code"] == "q.playground.py"
    written = (tmp_path / "q.gguf").read_bytes()
    (tmp_path / "q.gguf").unlink()
    exec(compile((tmp_path / "q.playground.py").read_text(), "script", "exec"), {})  # noqa: S102
    assert (tmp_path / "q.gguf").read_bytes() == written
    ran = playground_cli("quantize", weights, "-o", "other.gguf", "--code", "torch")
    assert "no script for PyTorch makes the same: PyTorch has none of ggml's blocks" in ran.err
    assert not (tmp_path / "other.gguf").exists()


def test_of_a_model_with_a_graph_the_ending_asks_for_its_weights(playground_cli, tmp_path):
    for ending, form in ((".gguf", "q8_0"), (".safetensors", "int8"), (".npz", "int8")):
        output = tmp_path / f"q{ending}"
        ran = playground_cli("quantize", "gallery:digits-mlp", "-o", output, "--gallery", "digits", "--json").json
        assert {tensor["scheme"]["format"] for tensor in ran["tensors"]} == {form}
        assert ran["answers"]["quantized"]["accuracy"] > 0.97
        assert ran["file_bytes"] == output.stat().st_size
    again = playground_cli("compare", "gallery:digits-mlp", tmp_path / "q.gguf", "--json").json
    assert min(pair["sqnr_db"] for pair in again["pairs"] if pair["name"].endswith("weight")) > 40
    text = playground_cli("quantize", "gallery:digits-mlp", "-o", tmp_path / "q.gguf", "--format", "q4_k").out
    assert "not its graph" in text
    assert "To measure it: playground compare gallery:digits-mlp" in text


def test_options_that_such_a_file_has_no_place_for_are_refused(playground_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for option in (("--calibration", "x.npz"), ("--improve",), ("--activations", "static"), ("--algorithms", "gptq")):
        ran = playground_cli("quantize", "gallery:digits-mlp", "-o", "q.gguf", *option)
        assert (ran.code, f"{option[0]} needs a graph in the file that is written" in ran.err) == (2, True)
    ran = playground_cli("quantize", "gallery:digits-mlp", "-o", "q.gguf", "--format", "int8")
    assert "GGUF reads no int8 weights" in ran.err
    (tmp_path / "r.json").write_text(playground.Recipe(weights="q5_0", runtime="gguf").to_json())
    assert playground_cli("quantize", "gallery:digits-mlp", "--recipe", "r.json").code == 0
    assert playground.load("digits-mlp.quantized.gguf").tensors["fc1.weight"].dtype == "q5_0"
    ran = playground_cli("evaluate", "gallery:digits-mlp", "--recipe", "r.json", "--sensitivity")
    assert "GGUF reads no graph" in ran.err
    assert "playground quantize -o NAME.gguf" in ran.err


def test_a_script_makes_the_weights_of_a_graph_again(playground_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    playground_cli("quantize", "gallery:digits-mlp", "-o", "q.gguf", "--code", "playground")
    written = (tmp_path / "q.gguf").read_bytes()
    (tmp_path / "q.gguf").unlink()
    exec(compile((tmp_path / "q.playground.py").read_text(), "script", "exec"), {})  # noqa: S102
    assert (tmp_path / "q.gguf").read_bytes() == written
