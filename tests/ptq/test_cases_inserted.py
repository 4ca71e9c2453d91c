"""Constants that an operator puts among values: they belong to the range, or the values stay in float."""

import numpy as np
import pytest

from playground.model.recipe import Recipe
from playground.quantization import Scheme
from tests.ptq.cases import MODES, STATIC, Case, Random, decibels, node

FRAME = np.int64([0, 0, 1, 1, 0, 0, 1, 1])


def padded(value: float, *after: object, held: dict[str, object] | None = None) -> Case:
    made = Random()
    nodes = [node("Conv", ["x", "w"], ["c"]), node("Pad", ["c", "p", "v"], ["d"])]
    nodes += after or [node("ReduceMean", ["d"], ["y"], axes=[2, 3], keepdims=0)]
    constants = {"w": made.weights(4, 3, 3, 3), "p": FRAME, "v": np.float32(value), **(held or {})}
    return Case(nodes, constants, {"x": made.uniform(32, 3, 8, 8)})


@pytest.mark.parametrize("mode", MODES)
def test_a_pad_of_five(mode: str) -> None:
    assert padded(5).sqnr(MODES[mode]) >= 55


@pytest.mark.parametrize("value", [-30, -2, -0.5, 0, 0.25, 1.8, 100])
def test_pads_of_other_values(value: float) -> None:
    assert padded(value).sqnr() >= 40


@pytest.mark.parametrize("value", [-np.inf, float(np.finfo(np.float32).min), -1e9, -1e4, 5, -3])
def test_pads_before_a_pool(value: float) -> None:
    """The lowest values frame a MaxPool, as exporters write it; the range is that of the others."""
    pool = node("MaxPool", ["d"], ["e"], kernel_shape=[3, 3], strides=[1, 1])
    case = padded(value, pool, node("Conv", ["e", "u"], ["y"]), held={"u": Random(1).weights(4, 4, 3, 3)})
    assert case.sqnr() >= 30


@pytest.mark.parametrize("value", [3, -0.5, 0.1, 0])
def test_pads_between_convolutions(value: float) -> None:
    case = padded(value, node("Conv", ["d", "u"], ["y"]), held={"u": Random(1).weights(4, 4, 3, 3)})
    assert case.sqnr() >= 30


def test_a_pad_whose_value_is_computed() -> None:
    made = Random()
    nodes = [
        node("Conv", ["x", "w"], ["c"]),
        node("ReduceMax", ["x"], ["v"], keepdims=0),
        node("Mul", ["v", "four"], ["v4"]),
        node("Pad", ["c", "p", "v4"], ["d"]),
        node("ReduceMean", ["d"], ["y"], axes=[2, 3], keepdims=0),
    ]
    held = {"w": made.weights(4, 3, 3, 3), "p": FRAME, "four": np.float32(4)}
    assert Case(nodes, held, {"x": made.uniform(32, 3, 8, 8)}).sqnr() >= 40


@pytest.mark.parametrize("value", [5, -3, 0.5, 0])
@pytest.mark.parametrize("mode", STATIC)
def test_a_choice_that_calibration_has_not_seen(mode: str, value: float) -> None:
    """The constant is in the range although no sample of the calibration data has chosen it."""
    made = Random()
    nodes = [node("Conv", ["x", "w"], ["c"]), node("Where", ["m", "c", "v"], ["y"])]
    data = {"x": made.uniform(32, 3, 8, 8), "m": np.ones((32, 1, 6, 6), bool)}
    case = Case(nodes, {"w": made.weights(4, 3, 3, 3), "v": np.float32(value)}, data)
    quantized = case.quantized(STATIC[mode])
    case.data["m"] = made.uniform(32, 1, 6, 6) > 0.5
    assert decibels(case.run(case.file), case.run(quantized.onnx)) >= 38


@pytest.mark.parametrize("calibrator", ["minmax", "percentile", "entropy", "mse"])
@pytest.mark.parametrize("value", [5, -2])
def test_a_concat_with_a_constant(calibrator: str, value: float) -> None:
    """A calibrator that cuts off rare values does not cut off the constant."""
    made = Random()
    nodes = [node("Gemm", ["x", "w"], ["c"]), node("Concat", ["c", "v"], ["y"], axis=0)]
    held = {"w": made.weights(16, 64), "v": np.full((1, 64), value, np.float32)}
    case = Case(nodes, held, {"x": made.uniform(64, 16)})
    recipe = Recipe(activation_scheme=Scheme("uint8", symmetric=False, calibrator=calibrator))
    found = case.run(case.quantized(recipe).onnx)["y"]
    np.testing.assert_allclose(found[-1], value, atol=0.03)


@pytest.mark.parametrize("value", [5, -1e9])
def test_a_tensor_that_is_filled(value: float) -> None:
    made = Random()
    nodes = [
        node("Gemm", ["x", "w"], ["c"]),
        node("Shape", ["c"], ["s"]),
        node("ConstantOfShape", ["s"], ["f"], value=np_tensor(value)),
        node("Concat", ["c", "f"], ["j"], axis=1),
        node("ReduceMax", ["j"], ["y"], axes=[1], keepdims=0),
    ]
    assert Case(nodes, {"w": made.weights(16, 8)}, {"x": made.normal(64, 16)}).sqnr() >= 40


def np_tensor(value: float) -> object:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.float32([value]))


@pytest.mark.parametrize("value", [5, -1e9, 0.1])
def test_values_that_are_scattered(value: float) -> None:
    made = Random()
    nodes = [
        node("Gemm", ["x", "w"], ["c"]),
        node("ScatterND", ["c", "i", "u"], ["d"]),
        node("MaxPool", ["d3"], ["p"], kernel_shape=[2]),
    ]
    nodes[2:2] = [node("Unsqueeze", ["d", "one"], ["d3"])]
    nodes += [node("Squeeze", ["p", "one"], ["y"])]
    held = {"w": made.weights(16, 8), "i": np.int64([[0]]), "u": np.full((1, 8), value, np.float32)}
    case = Case(nodes, {**held, "one": np.int64([1])}, {"x": made.normal(64, 16)})
    assert decibels(case.run(case.file), case.run(case.quantized().onnx)) >= 38
