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
