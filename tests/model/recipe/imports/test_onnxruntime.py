"""TensorQuantOverrides: files equal to those that quantize_static writes with the same overrides."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnxruntime.quantization import QuantType

from playground.errors import PlaygroundError
from playground.model.recipe import CalibrationSettings, Override, Recipe
from playground.model.recipe.imports import import_recipe, importers
from playground.opening import load
from playground.ptq.pipeline import quantize_model
from playground.quantization import Scheme
from tests.ptq.onnxruntime_tool import DATA, MODELS, OPERATORS, assert_equal_files, static

OVERRIDES: dict[str, dict[str, list[dict[str, Any]]]] = {
    "range of an activation": {"p": [{"rmin": np.array(-1.5, np.float32), "rmax": np.array(4.0, np.float32)}]},
    "type of an activation": {"r2": [{"quant_type": QuantType.QInt8, "symmetric": True}]},
    "type of a weight": {"w2": [{"quant_type": QuantType.QUInt8, "symmetric": False}]},
    "channels of a weight": {"w2": [{"quant_type": QuantType.QInt8, "axis": 0, "symmetric": True}]},
    "scale and zero-point": {"x": [{"scale": np.array(0.05, np.float32), "zero_point": np.array(120, np.uint8)}]},
    "scales of channels": {
        "w2": [
            {"quant_type": QuantType.QInt8, "axis": 0, "scale": np.float32(0.01 * (k + 1)), "zero_point": np.int8(0)}
            for k in range(6)
        ]
    },
}


@pytest.mark.parametrize("case", OVERRIDES)
def test_equal_to_the_tool(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.ptq.capture.HEAVY", 0)
    base = Recipe(weights=Scheme("int8"), calibration=CalibrationSettings(batch=20), operators=OPERATORS)
    recipe = import_recipe({name: list(map(dict, entries)) for name, entries in OVERRIDES[case].items()}, base)
    model = load(MODELS["residual"].SerializeToString(), "residual.onnx")
    ours = quantize_model(model, recipe, {"x": DATA["residual"]})
    expected = static("residual", tmp_path, options={"TensorQuantOverrides": OVERRIDES[case]})
    assert_equal_files(ours.onnx, expected, "residual")


def test_as_json_and_over_the_base() -> None:
    text = json.dumps({"TensorQuantOverrides": {"w": [{"quant_type": "QUInt8"}], "x": [{"rmin": -1, "rmax": 2}]}})
    base = Recipe(overrides=(Override("w", skip=True), Override("v", skip=True)))
    found = import_recipe(text, base)
    assert found.override_for("w") == Override("w", Scheme("uint8", symmetric=False))
    assert found.override_for("x") == Override("x", range=(-1.0, 2.0))
    assert found.override_for("v") == Override("v", skip=True)
    assert set(importers()) == {"ai-edge-quantizer", "onnxruntime"}


def test_our_own_form_is_read_too() -> None:
    assert import_recipe(Recipe(activations="dynamic").to_json()) == Recipe(activations="dynamic")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{"convert": {}}], "converts between types"),
        ([{"quant_type": "QInt8", "reduce_range": True}], "reduce_range cannot be imported"),
        ([{"quant_type": "QInt16"}], "QInt16"),
        ([{"symmetric": True}], "no quant_type"),
        ([{"rmin": 0.0}], "only one end"),
        ([{"quant_type": "QInt8"}, {}], "no axis"),
        ([{"axis": 0, "quant_type": "QInt8", "rmin": 0, "rmax": 1}] * 2, "a range for each channel"),
        ([{"scale": 0.5}], "must be given together"),
    ],
)
def test_what_has_no_counterpart(entries: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(PlaygroundError, match=words):
        import_recipe({"w": entries})
