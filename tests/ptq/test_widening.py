"""Models of float16, bfloat16 and float64 are quantized: ONNX Runtime runs what is written, types stay."""

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import playground
from playground.opening import load
from playground.ptq.widening import widened

RNG = np.random.default_rng(21)
ELEMENTS = {
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "float64": TensorProto.DOUBLE,
    "float32": TensorProto.FLOAT,
}
MODES = {
    "default": playground.Recipe(),
    "prepared": playground.Recipe(prepare=True),
    "tensor": playground.Recipe(weights=playground.Scheme("int8")),
    "dynamic": playground.Recipe(activations="dynamic"),
    "weight_only": playground.Recipe(activations="weight_only"),
}
SHAPES = {"w": (8, 3, 3, 3), "b": (8,), "v": (128, 10), "d": (10,)}
ARRAYS = {name: RNG.normal(size=shape).astype(np.float32) / 8 for name, shape in SHAPES.items()}
X = {"x": RNG.normal(size=(48, 3, 8, 8)).astype(np.float32)}


def constant(values: np.ndarray, name: str, element: int) -> Any:
    wide = numpy_helper.from_array(values.astype(np.float32), name)
    if element != TensorProto.BFLOAT16:
        return numpy_helper.from_array(values.astype(helper.tensor_dtype_to_np_dtype(element)), name)
    return helper.make_tensor(name, element, wide.dims, values.reshape(-1).tolist())


def net(dtype: str, ends: str, opset: int = 17) -> bytes:
    """A convolutional net that computes in ``dtype``; its input and output are of ``ends``."""
    inner, outer = ELEMENTS[dtype], ELEMENTS[ends]
    nodes = [
        helper.make_node("Cast", ["x"], ["x1"], "in", to=inner),
        helper.make_node("Conv", ["x1", "w", "b"], ["c"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "v", "d"], ["g"], "gemm"),
        helper.make_node("Cast", ["g"], ["l"], "wide", to=TensorProto.FLOAT),
        helper.make_node("Softmax", ["l"], ["s"], axis=-1),
        helper.make_node("Cast", ["s"], ["y"], "out", to=outer),
    ]
    held = [constant(values, name, inner) for name, values in ARRAYS.items()]
    x, y = (
        helper.make_tensor_value_info(name, outer, shape) for name, shape in (("x", ["n", 3, 8, 8]), ("y", ["n", 10]))
    )
    graph = helper.make_graph(nodes, "net", [x], [y], held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(made.SerializeToString())


def sqnr(wanted: np.ndarray, found: np.ndarray) -> float:
    a, b = wanted.astype(np.float64), found.astype(np.float64)
    return float(10 * np.log10((a**2).mean() / ((a - b) ** 2).mean()))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("dtype", "ends", "opset"),
    [
        ("float16", "float16", 17),
        ("float16", "float16", 11),
        ("float16", "float32", 17),
        ("float64", "float64", 17),
        ("float64", "float32", 17),
        ("bfloat16", "float32", 22),
    ],
)
def test_they_are_quantized_as_float32_is(dtype: str, ends: str, opset: int, mode: str) -> None:
    feeds = {"x": X["x"].astype(ends)}
    (plain,) = onnxruntime.InferenceSession(net("float32", "float32")).run(None, X)
    model = load(net(dtype, ends, opset), "net.onnx")
    made = playground.quantize_model(model, MODES[mode], feeds)
    written = onnx.load_from_string(made.onnx)
    onnx.checker.check_model(written, full_check=True)
    assert {tensor.name for tensor in made.report.tensors} == {"w", "v"}
    assert made.report.tensors[0].bytes_before == model.tensors["w"].nbytes
    assert [v.type.tensor_type.elem_type for v in (*written.graph.input, *written.graph.output)] == [ELEMENTS[ends]] * 2
    (found,) = onnxruntime.InferenceSession(made.onnx).run(None, feeds)
    assert found.dtype == ends
    assert sqnr(plain, found) >= 30
    assert any(warning.startswith(f"The model computes in {dtype};") for warning in made.report.warnings)
    again = playground.run(made.onnx, feeds, "reference")["y"]
    assert again.dtype == ends
    np.testing.assert_allclose(again, found, rtol=0, atol=0.02)


def test_the_float_model_still_computes_in_its_own_type() -> None:
    content = net("float16", "float16")
    (expected,) = onnxruntime.InferenceSession(content).run(None, {"x": X["x"].astype(np.float16)})
    found = playground.run(content, {"x": X["x"].astype(np.float16)}, "reference")["y"]
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_no_cast_from_floats_to_floats_is_left(dtype: str) -> None:
    """Only the one that makes the output stays, and one after an operator whose results have unknown types."""
    graph = load(net(dtype, "float32"), "net.onnx").required_graph()
    made = widened(graph).graph
    assert [node.op for node in graph.nodes].count("Cast") == 3
    assert [node.name for node in made.nodes if node.op == "Cast"] == ["out"]
    strange = tuple(replace(node, op="Strange", domain="here") if node.op == "Gemm" else node for node in graph.nodes)
    made = widened(graph.with_(nodes=strange)).graph
    assert [node.name for node in made.nodes if node.op == "Cast"] == ["wide", "out"]


def test_inputs_and_outputs_of_bfloat16_run_in_the_interpreter() -> None:
    made = playground.quantize_model(load(net("bfloat16", "bfloat16", 22), "net.onnx"), None, X)
    written = onnx.load_from_string(made.onnx)
    onnx.checker.check_model(written, full_check=True)
    (plain,) = onnxruntime.InferenceSession(net("float32", "float32")).run(None, X)
    assert sqnr(plain, playground.run(made.onnx, X, "reference")["y"]) >= 30


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_large_constants_that_stay_in_float_stay_as_narrow_as_they_were(dtype: str) -> None:
    recipe = playground.Recipe(rules=(playground.model.recipe.Rule("gemm"),))
    made = playground.quantize_model(load(net(dtype, "float32", 22), "net.onnx"), recipe, X)
    held = {entry.name: entry.data_type for entry in onnx.load_from_string(made.onnx).graph.initializer}
    assert held["v"] == ELEMENTS[dtype]
    assert made.report.bytes_after < made.report.bytes_before
    (plain,) = onnxruntime.InferenceSession(net("float32", "float32")).run(None, X)
    (found,) = onnxruntime.InferenceSession(made.onnx).run(None, X)
    assert sqnr(plain, found) >= 30


def test_other_types_beside_float32_weights_are_left_alone() -> None:
    """Sizes that are computed in float64 keep every digit."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Cast", ["h"], ["d"], to=TensorProto.DOUBLE),
        helper.make_node("Mul", ["d", "k"], ["e"]),
        helper.make_node("Cast", ["e"], ["y"], to=TensorProto.FLOAT),
    ]
    held = [numpy_helper.from_array(np.eye(4, dtype=np.float32), "w"), numpy_helper.from_array(np.float64(1 / 3), "k")]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "xy")
    proto = helper.make_model(
        helper.make_graph(nodes, "net", [x], [y], held), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    graph = load(proto.SerializeToString(), "net.onnx").required_graph()
    assert widened(graph).graph is graph
