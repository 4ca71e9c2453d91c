"""What a recipe leaves in float stays in float in ONNX Runtime, with all of its optimizations."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from playground.model.recipe import Recipe, Rule
from playground.ptq.kept_float import fine_codes
from tests.ptq.cases import Case, Random, node

KEPT = Recipe(rules=(Rule("kept"),))


def ruinous(kind: str, *, bias: bool, clip: str = "") -> Case:
    """Three products; no scale holds the weights of the second one, a row of which meets zeros."""
    made = Random(3)
    first, second, third = made.weights(24, 24), made.weights(24, 24), made.weights(24, 8)
    first[:, 0], second[0] = 0.0, 3000.0
    held: dict[str, Any] = {"A": first, "B": second, "C": third, "b": made.normal(24)}
    data = {"x": made.normal(64, 24)}
    if kind != "Gemm":
        turned = (1, 0) if kind == "Conv" else (0, 1)
        held |= {name: held[name].transpose(turned)[:, :, None, None].copy() for name in "ABC"}
        data = {"x": made.normal(8, 24, 5, 5)}
    end = "j" if clip else "i"
    nodes = [
        node(kind, ["x", "A"], ["h"], "first"),
        node(kind, ["h", "B", *(["b"] if bias else [])], ["i"], "kept"),
        *([node(clip, ["i"], [end], "limit")] if clip else []),
        node(kind, [end, "C"], ["y"], "last"),
    ]
    used = {name for each in nodes for name in each.input}
    return Case(nodes, {name: values for name, values in held.items() if name in used}, data)


def operators_after_optimizing(file: bytes, path: Any) -> list[str]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return [made.op_type for made in onnx.load(path).graph.node]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("clip", ["", "Relu", "Clip"])
@pytest.mark.parametrize("kind", ["Gemm", "Conv", "ConvTranspose"])
def test_a_product_in_float_between_codes(kind: str, clip: str, bias: bool, tmp_path: Any) -> None:
    case = ruinous(kind, bias=bias, clip=clip)
    made = case.quantized(KEPT)
    assert made.report.skipped[0].name == "B"
    assert case.sqnr(KEPT) > 30
    assert case.sqnr() < 10
    assert kind in operators_after_optimizing(made.onnx, tmp_path / "optimized.onnx")


def test_groups_of_a_transposed_convolution() -> None:
    made = Random()
    nodes = [
        node("Conv", ["x", "A"], ["h"], "first"),
        node("ConvTranspose", ["h", "B"], ["i"], "kept", group=3),
        node("Conv", ["i", "C"], ["y"], "last"),
    ]
    held = {"A": made.weights(6, 3, 3, 3), "B": made.weights(6, 4, 3, 3), "C": made.weights(2, 12, 3, 3)}
    assert Case(nodes, held, {"x": made.normal(16, 3, 8, 8)}).sqnr(KEPT) > 30


def test_a_bias_that_is_computed_or_has_two_axes_stays_as_it_is() -> None:
    made = Random()
    nodes = [
        node("Gemm", ["x", "A"], ["h"], "first"),
        node("Gemm", ["h", "B", "b"], ["i"], "kept"),
        node("Gemm", ["i", "C"], ["y"], "last"),
    ]
    held = {name: made.weights(8, 8) for name in "ABC"} | {"b": made.normal(1, 8)}
    file = onnx.load_from_string(Case(nodes, held, {"x": made.normal(16, 8)}).quantized(KEPT).onnx)
    (kept,) = (each for each in file.graph.node if each.name == "kept")
    assert kept.input[2] == "b"


@pytest.mark.parametrize("by", [1e-30, 1e-3, 1.0, 1e6])
def test_codes_of_a_bias_are_as_good_as_floats(by: float) -> None:
    bias = Random().normal(1000) * np.float32(by)
    bias[::7] = 0
    codes = fine_codes(bias)
    back = codes.codes.astype(np.float32) * codes.scale
    np.testing.assert_allclose(back, bias, rtol=1e-6, atol=np.abs(bias).max() * 2.0**-30)
    assert np.frexp(codes.scale)[0] == 0.5


def test_a_bias_of_zeros() -> None:
    codes = fine_codes(np.zeros(3, np.float32))
    assert not codes.codes.any()
    assert codes.scale > 0
