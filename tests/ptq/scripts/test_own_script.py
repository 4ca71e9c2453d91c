"""The script for this package is run: it writes the same file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import playground
from playground import Recipe, Scheme, gallery
from playground.errors import UnsupportedError
from playground.model.recipe import Rule
from playground.ptq.pipeline import quantize_model
from playground.ptq.scripts import Origin, script_of
from playground.ptq.without_graph import quantize_tensors


def run(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    exec(compile(script, "script", "exec"), {})  # noqa: S102


def test_a_gallery_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe((Rule("fc3*"),), weights=Scheme("int4", "channel"))
    model = gallery.open_model("digits-mlp")
    made = quantize_model(model, recipe, gallery.calibration("digits-mlp"))
    run(
        script_of("playground", Origin(model, recipe, made, "x", "o.onnx", gallery="digits-mlp")), tmp_path, monkeypatch
    )
    assert (tmp_path / "o.onnx").read_bytes() == made.onnx


def test_a_file_with_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.onnx").write_bytes(gallery.model_bytes("digits-mlp"))
    samples = gallery.calibration("digits-mlp")
    np.savez(tmp_path / "s.npz", labels=np.zeros(len(samples["image"])), **samples)
    model = playground.load(tmp_path / "m.onnx")
    made = quantize_model(model, Recipe(), samples)
    run(
        script_of("playground", Origin(model, Recipe(), made, "m.onnx", "o.onnx", calibration="s.npz")),
        tmp_path,
        monkeypatch,
    )
    assert (tmp_path / "o.onnx").read_bytes() == made.onnx


def test_operators_on_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, recipe = gallery.open_model("digits-mlp"), Recipe(representation="qoperator")
    made = quantize_model(model, recipe, gallery.calibration("digits-mlp"))
    origin = Origin(model, recipe, made, "x", "o.onnx", gallery="digits-mlp")
    run(script_of("playground", origin), tmp_path, monkeypatch)
    assert (tmp_path / "o.onnx").read_bytes() == made.onnx
    with pytest.raises(UnsupportedError, match="in operators on codes"):
        script_of("onnxruntime", origin)


@pytest.mark.parametrize(
    ("output", "recipe"), [("o.npz", Recipe()), ("o.gguf", Recipe(weights="q8_0", runtime="gguf"))]
)  # type: ignore[arg-type]
def test_tensors(output: str, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "m.npz", w=np.linspace(-1, 1, 64, dtype=np.float32).reshape(2, 32))
    model = playground.load(tmp_path / "m.npz")
    made = quantize_tensors(model, recipe)
    run(script_of("playground", Origin(model, recipe, made, "m.npz", output)), tmp_path, monkeypatch)
    assert (tmp_path / output).read_bytes() == made.file
