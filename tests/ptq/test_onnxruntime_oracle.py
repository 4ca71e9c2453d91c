"""The quantized file against onnxruntime.quantization.quantize_static: same constants, bit for bit, same answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, quantize_static

from playground.model.recipe import Recipe, Rule
from playground.opening import load
from playground.ptq.pipeline import quantize_model
from playground.quantization import Scheme
from tests.ptq.onnxruntime_tool import OPERATORS, TYPES, build, constants, values


def convolutions() -> onnx.ModelProto:
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], "conv1", pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], ["r1"], "relu1"),
        node("Conv", ["r1", "w2"], ["c2"], "depthwise", group=8, pads=[1, 1, 1, 1]),
        node("Clip", ["c2", "zero", "six"], ["r2"], "clip"),
        node("Add", ["r1", "r2"], ["a"], "add"),
        node("MaxPool", ["a"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["p", "w3", "b3"], ["c3"], "pointwise"),
        node("AveragePool", ["c3"], ["m"], "mean", kernel_shape=[2, 2]),
        node("GlobalAveragePool", ["m"], ["g"], "global"),
        node("Flatten", ["g"], ["f"], "flatten"),
        node("Gemm", ["f", "w4", "b4"], ["y"], "gemm", transB=1),
    ]
    weights = {
        "w1": values(8, 2, 3, 3),
        "b1": values(8),
        "w2": values(8, 1, 3, 3),
        "w3": values(6, 8, 1, 1),
        "b3": 100 * values(6),
        "w4": values(5, 6),
        "b4": values(5),
        "zero": np.array(0, np.float32),
        "six": np.array(6, np.float32),
    }
    weights["w1"][3] = 0  # a channel without a range
    return build(nodes, weights, (2, 8, 8))


def products() -> onnx.ModelProto:
    node = helper.make_node
    nodes = [
        node("MatMul", ["x", "w1"], ["m1"], "product1"),
        node("Add", ["m1", "b1"], ["a1"], "add1"),
        node("Relu", ["a1"], ["r1"], "relu1"),
        node("Reshape", ["r1", "shape"], ["s1"], "reshape"),
        node("Transpose", ["s1"], ["t1"], "transpose", perm=[0, 2, 1]),
        node("MatMul", ["s1", "t1"], ["m2"], "product2"),
        node("Mul", ["m2", "m2"], ["q"], "square"),
        node("Gemm", ["r1", "w2", "b2"], ["y2"], "gemm"),
        node("Reshape", ["q", "flat"], ["q1"], "flatten"),
        node("Concat", ["q1", "y2"], ["y"], "concat", axis=1),
    ]
    shapes = {"shape": np.array([0, 4, 6]), "flat": np.array([0, 16])}
    weights = {"w1": values(10, 24), "b1": values(24), "w2": values(24, 7), "b2": values(7)}
    return build(nodes, {**weights, **shapes}, (10,))


MODELS = {"convolutions": convolutions(), "products": products()}
DATA = {"convolutions": values(20, 2, 8, 8), "products": values(20, 10)}


class Reader(CalibrationDataReader):
    def __init__(self, x: np.ndarray) -> None:
        self._batches: Iterator[dict[str, np.ndarray]] = iter([{"x": x}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)


def theirs(name: str, folder: Path, **options: Any) -> onnx.ModelProto:
    source, target = folder / "float.onnx", folder / "quantized.onnx"
    onnx.save(MODELS[name], source)
    quantize_static(
        source,
        target,
        Reader(DATA[name]),
        quant_format=QuantFormat.QDQ,
        calibrate_method=CalibrationMethod.MinMax,
        per_channel=options.get("per_channel", False),
        activation_type=TYPES[options["activations"]],
        weight_type=TYPES[options.get("weights", "int8")],
        extra_options={"ActivationSymmetric": options.get("symmetric", False)},
        nodes_to_exclude=options.get("exclude", []),
    )
    return onnx.load(target)


def run(model: bytes, x: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(model).run(None, {"x": x})[0]


CASES = [
    {"activations": "uint8"},
    {"activations": "uint8", "per_channel": True},
    {"activations": "int8", "per_channel": True},
    {"activations": "int8", "symmetric": True},
    {"activations": "uint8", "weights": "uint8"},
]


def assert_equal_files(ours: bytes, expected: onnx.ModelProto, x: np.ndarray) -> None:
    onnx.checker.check_model(ours, full_check=True)
    found, wanted = constants(onnx.load_from_string(ours)), constants(expected)
    assert set(found) == set(wanted)
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array, name)
    np.testing.assert_array_equal(run(ours, x), run(expected.SerializeToString(), x))


def as_theirs(file: bytes, excluded: str) -> bytes:
    """A file without the bias that keeps ONNX Runtime from quantizing a node; see kept_float.py."""
    model = onnx.load_from_string(file)
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    (found,) = (node for node in model.graph.node if node.name == excluded)
    if excluded == "gemm":  # a row
        row = held[found.input[2]]
        row.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(row)[0], "b2"))
        found.input[2] = "b2"
    elif excluded == "depthwise":  # zeros, dequantized
        (made,) = (node for node in model.graph.node if node.output[0] == found.input[2])
        assert not onnx.numpy_helper.to_array(held[made.input[0]]).any()
        del found.input[2]
        model.graph.node.remove(made)
        for name in made.input:
            model.graph.initializer.remove(held[name])
    return model.SerializeToString()


@pytest.fixture
def calibrated_by_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Float sums in NumPy, or in fused operators, differ in the last bit, and so would the ranges."""
    session = onnxruntime.InferenceSession

    def unoptimized(model: Any, sess_options: Any = None, **others: Any) -> Any:
        if sess_options is not None:
            sess_options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        return session(model, sess_options, **others)

    monkeypatch.setattr("playground.engines.interpreter.unsupported", lambda graph: ("everything",))
    monkeypatch.setattr("onnxruntime.InferenceSession", unoptimized)


def test_ranges_from_numpy_differ_in_the_last_bit_at_most(tmp_path: Path) -> None:
    for name, proto in MODELS.items():
        ours = quantize_model(load(proto.SerializeToString()), Recipe(operators=OPERATORS), {"x": DATA[name]})
        found = constants(onnx.load_from_string(ours.onnx))
        for tensor, array in constants(theirs(name, tmp_path, activations="uint8", per_channel=True)).items():
            np.testing.assert_allclose(found[tensor], array, 3e-7, 1 if array.dtype == np.int32 else 0)


@pytest.mark.usefixtures("calibrated_by_onnxruntime")
@pytest.mark.parametrize("options", CASES, ids=lambda case: "-".join(f"{k}={v}" for k, v in case.items()))
@pytest.mark.parametrize("name", MODELS)
def test_equal_constants_and_answers(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    weights = options.get("weights", "int8")
    recipe = Recipe(
        weights=Scheme(
            weights, granularity="channel" if options.get("per_channel") else "tensor", symmetric=weights == "int8"
        ),
        activation_scheme=Scheme(options["activations"], symmetric=options.get("symmetric", False)),
        operators=OPERATORS,
    )
    model = load(MODELS[name].SerializeToString(), f"{name}.onnx")
    quantized = quantize_model(model, recipe, {"x": DATA[name]})
    assert_equal_files(quantized.onnx, theirs(name, tmp_path, **options), DATA[name])


@pytest.mark.usefixtures("calibrated_by_onnxruntime")
@pytest.mark.parametrize(
    ("name", "node"), [("convolutions", "depthwise"), ("convolutions", "add"), ("products", "gemm")]
)
def test_excluded_nodes_likewise(name: str, node: str, tmp_path: Path) -> None:
    recipe = Recipe((Rule(node),), weights=Scheme("int8", granularity="channel"), operators=OPERATORS)
    quantized = quantize_model(load(MODELS[name].SerializeToString()), recipe, {"x": DATA[name]})
    expected = theirs(name, tmp_path, activations="uint8", per_channel=True, exclude=[node])
    assert_equal_files(as_theirs(quantized.onnx, node), expected, DATA[name])
    assert [skip.node for skip in quantized.report.skipped if "rule" in skip.reason] == [node]
