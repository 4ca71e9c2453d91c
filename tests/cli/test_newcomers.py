"""Commands that somebody types who has not read the documentation: they work, or one line shows what does."""

import numpy as np
import pytest

from playground import gallery

IMAGES = gallery.digits().images[:8]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").write_bytes(gallery.model_bytes("digits-mlp"))
    (tmp_path / "folder").mkdir()
    np.save(tmp_path / "x.npy", IMAGES)
    np.savez(tmp_path / "samples.npz", image=IMAGES)


@pytest.mark.parametrize(
    "typed",
    [
        "quantize model.onnx",
        "quantize model.onnx --format INT4 -o small.onnx",
        "quantize model.onnx --activations WEIGHT_ONLY --no-verify",
        "quantize model.onnx --algorithm gptq --no-verify",
        "quantize model.onnx -o small.gguf",
        "quantize model.onnx --format fp16 --activations weight-only",
        "quantize model.onnx --calibration x.npy --out small.onnx --no-verify",
        "inspect model.onnx",
        "evaluate model.onnx --compare model.onnx --data samples.npz",
    ],
)
def test_works(playground_cli, typed):
    ran = playground_cli(*typed.split())
    assert (ran.code, ran.err) == (0, "")
    assert ran.out


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("", "Write playground quantize model.onnx for instance"),
        ("help", "Write playground --help"),
        ("version", "Write playground --version"),
        ("-V", "Write playground --version"),
        ("info model.onnx", "Write playground inspect model.onnx"),
        ("quantise model.onnx", "Write playground quantize"),
        ("quant model.onnx", "Write playground quantize model.onnx"),
        ("run model.onnx", "Write playground evaluate model.onnx"),
        ("model.onnx", "Name a command first: playground quantize model.onnx"),
        ("frobnicate", "See playground --help"),
        ("quantize", "required: FILE"),
        ("quantize model.onnx int8", "Write --format int8"),
        ("quantize model.onnx small.onnx", "Write --output small.onnx"),
        ("quantize model.onnx samples.npz", "Write --calibration samples.npz"),
        ("quantize model.onnx extra", "See playground quantize --help"),
        ("quantize model.onnx --bits 4", "Write --format int4"),
        ("quantize model.onnx --bits=5", "Write --format int5"),
        ("quantize model.onnx --dtype INT4", "Write --format int4"),
        ("quantize model.onnx --int8", "Write --format int8"),
        ("quantize model.onnx --format Q4_K_M", "Use 'q4_k'"),
        ("quantize model.onnx --format 4", "Use 'int4'"),
        ("quantize model.onnx --format q4_0", "Use one of: int8"),
        ("quantize model.onnx --dynamic", "Write --activations dynamic"),
        ("quantize model.onnx --weight-only", "Write --activations weight-only"),
        ("quantize model.onnx --per-channel", "Write --granularity channel"),
        ("quantize model.onnx --gptq", "Write --algorithms gptq"),
        ("quantize model.onnx --calibraton x.npy", "Write --calibration"),
        ("quantize model.onnx --dataset x.npy", "Write --calibration"),
        ("quantize model.onnx --verbose", "See playground quantize --help"),
        ("quantize --input model.onnx", "Write the file's name alone: playground quantize model.onnx"),
        ("quantize model.onnx --recipe int4", "Write --format int4"),
        ("quantize missing.onnx", "Check the path"),
        ("quantize modle.onnx", "there is a file 'model.onnx'"),
        ("quantize folder", "a folder and not a file"),
        ("quantize https://example.com/model.onnx", "Download the file first"),
        ("quantize model.onnx -o nowhere/small.onnx", "Create it"),
        ("quantize model.onnx -o folder", "folder/small.onnx"),
        ("quantize model.onnx -o model.onnx", "Use another name"),
        ("evaluate model.onnx samples.npz", "Write --data samples.npz"),
        ("evaluate model.onnx small.onnx", "Write --compare small.onnx"),
        ("evaluate model.onnx --bits 4", "See playground evaluate --help"),
        ("formats int4", "See playground formats --help"),
        ("compare model.onnx", "required: B"),
    ],
)
def test_is_refused_with_what_works(playground_cli, typed, shown):
    ran = playground_cli(*typed.split())
    assert (ran.code, ran.out) == (2, "")
    assert shown in ran.err
    assert ran.err.startswith("playground: ")
    assert ran.err.count("\n") == 1
