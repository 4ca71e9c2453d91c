"""``playground quantize`` of files that have tensors and no graph."""

import numpy as np
import safetensors.numpy


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
