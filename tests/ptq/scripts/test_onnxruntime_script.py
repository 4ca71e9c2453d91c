"""The script for onnxruntime.quantization is run: the same constants as ours; none where it would make others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import playground
from playground import Recipe, Scheme, gallery
from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Model
from playground.model.recipe import AlgorithmCall, CalibrationSettings, Override, Rule
from playground.opening import load
from playground.ptq.pipeline import QuantizedModel, quantize_model
from playground.ptq.scripts import Origin, script_of, scripts
from tests.ptq.onnxruntime_tool import DATA, MODELS, OPERATORS, input_of, residual

RECIPES = {
    "default": Recipe(),
    "tensor": Recipe(weights=Scheme("int8")),
    "uint8": Recipe(weights=Scheme("uint8", symmetric=False)),
    "symmetric": Recipe(activation_scheme=Scheme("int8", symmetric=True)),
    "few": Recipe(calibration=CalibrationSettings(samples=5)),
    "without": Recipe((Rule("fc2*"),)),
    "dynamic": Recipe(activations="dynamic"),
    "dynamic tensor": Recipe(activations="dynamic", weights=Scheme("uint8", symmetric=False)),
    "dynamic without": Recipe((Rule("fc2*"),), activations="dynamic"),
}


def constants(file: bytes) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load_from_string(file).graph.initializer}


def run(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    exec(compile(script, "script", "exec"), {"__name__": "__main__"})  # noqa: S102


def of_gallery(key: str, recipe: Recipe) -> Origin:
    model = gallery.open_model(key)
    made = quantize_model(model, recipe, gallery.calibration(key), verify=False)
    return Origin(model, recipe, made, f"{key}.onnx", "out.onnx", gallery=key)


def assert_same(ours: bytes, theirs: bytes) -> None:
    """Names, types and codes; scales that come of sums of floats are equal up to the last places."""
    found, wanted = constants(ours), constants(theirs)
    left = {name for name in set(found) ^ set(wanted) if "bias" not in name and "Transposed" not in name}
    # what stays in float has its weight as it was, or as the tool turned it round
    assert {name for name in left if not name.endswith(".weight")} == set()
    assert sum(name.endswith("_quantized") for name in found) >= 2
    for name in set(found) & set(wanted):
        assert found[name].dtype == wanted[name].dtype, name
        if found[name].dtype.kind == "f":
            np.testing.assert_allclose(found[name], wanted[name], rtol=5e-7, err_msg=name)
        else:
            assert np.abs(found[name].astype(np.int64) - wanted[name]).max() <= (found[name].dtype == np.int32), name


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_tool_makes_the_same_of_a_gallery_model(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = of_gallery("digits-mlp", RECIPES[recipe])
    run(script_of("onnxruntime", origin), tmp_path, monkeypatch)
    assert_same(origin.result.file, (tmp_path / "out.onnx").read_bytes())


def of_file(name: str, folder: Path, recipe: Recipe) -> Origin:
    """From the samples of an .npz, whose array has another name than the input."""
    onnx.save(MODELS[name], folder / "m.onnx")
    np.savez(folder / "samples.npz", images=DATA[name].astype(np.float64), labels=np.arange(len(DATA[name])))
    model = playground.load(folder / "m.onnx")
    made = quantize_model(model, recipe, {input_of(name): DATA[name]}, verify=False)
    return Origin(model, recipe, made, "m.onnx", "out.onnx", calibration="samples.npz")


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(operators=OPERATORS)], ids=["default", "all"])
@pytest.mark.parametrize("name", ["residual", "perceptron", "depthwise", "digits-convnet"])
def test_the_tool_makes_the_same_of_a_file(
    name: str, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = of_file(name, tmp_path, recipe)
    if name == "perceptron" and recipe.operators is None:
        # what is left of a GELU in float makes a value that only its reader quantizes
        assert "has a scale for another reason" in scripts()["onnxruntime"].why_not(origin)
        return
    run(script_of("onnxruntime", origin), tmp_path, monkeypatch)
    assert_same(origin.result.file, (tmp_path / "out.onnx").read_bytes())


def test_a_model_of_one_sample_is_fed_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proto = onnx.load_from_string(gallery.model_bytes("digits-mlp"))
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].Clear()
        value.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(proto, tmp_path / "m.onnx")
    np.savez(tmp_path / "samples.npz", **gallery.calibration("digits-mlp"))
    model = playground.load(tmp_path / "m.onnx")
    made = quantize_model(model, Recipe(), gallery.calibration("digits-mlp"), verify=False)
    origin = Origin(model, Recipe(), made, "m.onnx", "out.onnx", calibration="samples.npz")
    run(script_of("onnxruntime", origin), tmp_path, monkeypatch)
    assert_same(made.onnx, (tmp_path / "out.onnx").read_bytes())


REFUSED: dict[str, tuple[Recipe, str]] = {
    "weights alone": (Recipe(activations="weight_only"), "no form with float activations"),
    "algorithms": (Recipe(algorithms=(AlgorithmCall("bias_correction"),)), "it has no bias_correction"),
    "rules": (Recipe((Rule("fc2*", Scheme("int8")),)), "schemes of their own"),
    "overrides": (Recipe(overrides=(Override("image", range=(0, 1)),)), "schemes of their own"),
    "bits": (Recipe(weights=Scheme("int4", "channel")), "these are int4"),
    "convention": (Recipe(weights=Scheme("int8", "channel", convention="pytorch")), "the recipe says"),
    "calibrator": (Recipe(activation_scheme=Scheme("uint8", symmetric=False, calibrator="mse")), "only the calibrator"),
    "biases": (Recipe(biases="float"), "its biases are int32"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_tool_would_make_otherwise_has_no_script(case: str) -> None:
    recipe, reason = REFUSED[case]
    origin = of_gallery("digits-mlp", recipe)
    with pytest.raises(UnsupportedError, match=f"no script for onnxruntime.quantization makes the same: .*{reason}"):
        script_of("onnxruntime", origin)


def test_folded_and_made_up_models_have_no_script() -> None:
    def why(model: Model, samples: Any, **fields: Any) -> str:
        made = quantize_model(model, Recipe(), samples, verify=False)
        assert isinstance(made, QuantizedModel)
        return scripts()["onnxruntime"].why_not(Origin(model, Recipe(), made, "m.onnx", "out.onnx", **fields))

    model = gallery.open_model("digits-mlp")
    assert why(model, None) == "the ranges come from made-up inputs"
    assert "come from images" in why(model, gallery.calibration("digits-mlp"), images=True)
    folding = load(residual().SerializeToString(), "m.onnx")
    assert "batch normalizations" in why(folding, {"x": DATA["residual"]}, calibration="x.npz")
    tensors = playground.load({"w": np.ones((2, 2))})
    assert "tensors only" in scripts()["onnxruntime"].why_not(Origin(tensors, Recipe(), None, "m.npz", "o.npz"))  # type: ignore[arg-type]


def test_an_unknown_tool_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="'tensorflow' is not a tool"):
        script_of("tensorflow", of_gallery("digits-mlp", Recipe()))
