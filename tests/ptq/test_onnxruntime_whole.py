"""Whole models against quantize_static and quantize_dynamic: scales, zero-points, codes and answers, bit for bit.

Ours calibrates in one batch here, because theirs counts all samples at once; and in ONNX Runtime, because sums in NumPy
differ in the last bit.
"""

from pathlib import Path
from typing import Any

import pytest

from playground.model.recipe import CalibrationSettings, Recipe, Rule
from playground.opening import load
from playground.ptq.pipeline import quantize_model
from playground.quantization import Scheme
from tests.ptq.onnxruntime_tool import DATA, MODELS, OPERATORS, assert_equal_files, dynamic, input_of, static

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def calibrated_by_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.ptq.capture.HEAVY", 0)


METHODS = {"MinMax": "minmax", "Percentile": "percentile", "Entropy": "entropy", "Distribution": "distribution"}
NAMES = {"MinMax": {}, "Percentile": {"exact": 0}, "Entropy": {}, "Distribution": {}}


def ours(name: str, weights: str = "int8", channel: bool = False, activations: Scheme | None = None) -> bytes:
    recipe = Recipe(
        weights=Scheme(weights, granularity="channel" if channel else "tensor", symmetric=weights == "int8"),
        activation_scheme=activations or Scheme("uint8", symmetric=False),
        calibration=CalibrationSettings(batch=len(DATA[name])),
        operators=OPERATORS,
    )
    model = load(MODELS[name].SerializeToString(), f"{name}.onnx")
    return quantize_model(model, recipe, {input_of(name): DATA[name]}).onnx


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", MODELS)
def test_static_with_every_calibrator(name: str, method: str, tmp_path: Path) -> None:
    scheme = Scheme("uint8", symmetric=False, calibrator=METHODS[method], calibrator_args=NAMES[method])
    expected = static(name, tmp_path, method=method, options={"CalibTensorRangeSymmetric": False})
    assert_equal_files(ours(name, activations=scheme), expected, name)


CASES: list[dict[str, Any]] = [
    {"per_channel": True},
    {"activations": "int8"},
    {"activations": "int8", "options": {"ActivationSymmetric": True}, "per_channel": True},
    {"weights": "uint8"},
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
@pytest.mark.parametrize("name", MODELS)
def test_static_with_other_types_and_granularities(name: str, case: dict[str, Any], tmp_path: Path) -> None:
    symmetric = "options" in case
    activations = Scheme(case.get("activations", "uint8"), symmetric=symmetric)
    made = ours(name, case.get("weights", "int8"), case.get("per_channel", False), activations)
    assert_equal_files(made, static(name, tmp_path, **case), name)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("weights", ["int8", "uint8"])
@pytest.mark.parametrize("name", MODELS)
def test_dynamic(name: str, weights: str, per_channel: bool, tmp_path: Path) -> None:
    scheme = Scheme(weights, granularity="channel" if per_channel else "tensor", symmetric=weights == "int8")
    one_scale = Rule("*", Scheme(weights, symmetric=weights == "int8"), op="Conv")  # as the tool has it
    named = ("Conv", "Gemm", "MatMul", "Gather")
    recipe = Recipe((one_scale,), weights=scheme, activations="dynamic", operators=named)
    made = quantize_model(load(MODELS[name].SerializeToString(), f"{name}.onnx"), recipe)
    assert_equal_files(made.onnx, dynamic(name, tmp_path, weights, per_channel), name)
    assert made.report.calibration_samples == 0
