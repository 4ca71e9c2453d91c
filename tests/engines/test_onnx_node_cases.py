"""ONNX's own cases for its integer operators, through our reader and our engines.

Every case runs in the interpreter exactly as ONNX states it. Those of 8 bits run on the kernels too; there scales,
zero-points and second operands are constants of the model, as they are in every model that is planned.
"""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from playground.engines import reference, wasm
from playground.engines.interpreter import run_graph
from playground.errors import UnsupportedError
from playground.opening import load
from tests.engines import node_cases
from tests.engines.node_cases import check, stated

OPERATORS = (
    "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "QLinearMatMul",
    "QLinearConv",
)  # fmt: skip
ALL = {case.name: case for operator in OPERATORS for case in node_cases.of(operator.lower())}
ON_KERNELS = (
    "test_quantizelinear",
    "test_dequantizelinear",
    "test_dynamicquantizelinear",
    "test_dynamicquantizelinear_max_adjusted",
    "test_dynamicquantizelinear_min_adjusted",
    "test_matmulinteger",
    "test_convinteger_without_padding",
    "test_convinteger_with_padding",
    "test_qlinearconv",
    *(f"test_qlinearmatmul_{rank}_{codes}_float32" for rank in ("2D", "3D") for codes in ("uint8", "int8")),
)


def with_constants(model, arrays):
    """The model with every input but the first as a constant."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    first, *others = list(changed.graph.input)
    del changed.graph.input[:]
    changed.graph.input.append(first)
    for info, array in zip(others, arrays[1:], strict=True):
        changed.graph.initializer.append(numpy_helper.from_array(array, info.name))
    return changed


def test_there_are_forty_five():
    assert len(ALL) == 45


@pytest.mark.parametrize("name", ALL, ids=lambda name: f"{name}-interpreter")
def test_interpreter(name):
    node_cases.run_here(ALL[name])


@pytest.mark.parametrize("name", ON_KERNELS, ids=lambda name: f"{name}-wasm")
def test_kernels(name):
    case = ALL[name]
    inputs, expected = stated(case)
    graph = load(with_constants(case.model, inputs).SerializeToString(), "case.onnx").graph
    feeds = {graph.inputs[0].name: inputs[0]}
    compiled = wasm.plan(graph, {graph.inputs[0].name: inputs[0].shape})
    found = compiled.run(feeds)
    check(case, list(found.values()), expected)
    for output, ours in reference.run(compiled.program, feeds).items():
        np.testing.assert_array_equal(found[output], ours)


@pytest.mark.parametrize("name", sorted(set(ALL) - set(ON_KERNELS)))
def test_what_the_kernels_do_not_run_is_refused_with_the_reason(name):
    case = ALL[name]
    inputs, _ = stated(case)
    graph = load(case.model.SerializeToString(), "case.onnx").graph
    shapes = {value.name: np.shape(array) for value, array in zip(graph.inputs, inputs, strict=True)}
    with pytest.raises(UnsupportedError, match="cannot run in integers"):
        wasm.plan(graph, shapes)


SHAPES = [((1, 1), (1, 1)), ((5, 7), (7, 9)), ((33, 64), (64, 17)), ((2, 3, 5), (5, 4)), ((3, 4, 6), (3, 6, 2))]


@pytest.mark.parametrize(("left", "right"), SHAPES, ids=str)
@pytest.mark.parametrize("dtypes", [("uint8", "int8"), ("uint8", "uint8"), ("int8", "int8")], ids="-".join)
def test_random_products_equal_onnxruntime(left, right, dtypes):
    import onnxruntime

    rng = np.random.default_rng(sum(left) + sum(right))
    a, b = (
        rng.integers(np.iinfo(d).min, np.iinfo(d).max + 1, s).astype(d)
        for d, s in zip(dtypes, (left, right), strict=True)
    )
    points = [np.array(rng.integers(np.iinfo(d).min, np.iinfo(d).max + 1), d) for d in dtypes]
    node = helper.make_node("MatMulInteger", ["a", "b", "az", "bz"], ["y"])
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("a", helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.INT32, None)],
        [numpy_helper.from_array(x, n) for n, x in (("b", b), ("az", points[0]), ("bz", points[1]))],
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10).SerializeToString()
    (expected,) = onnxruntime.InferenceSession(data).run(None, {"a": a})
    compiled = wasm.plan(load(data, "product.onnx").graph, {"a": a.shape})
    np.testing.assert_array_equal(compiled.run({"a": a})["y"], expected)
    np.testing.assert_array_equal(reference.run(compiled.program, {"a": a})["y"], expected)


WINDOWS = {
    "plain": ((2, 5, 9, 8), (7, 5, 3, 3), {}),
    "pointwise": ((3, 16, 5, 4), (9, 16, 1, 1), {}),
    "padded and strided": ((1, 3, 11, 7), (8, 3, 3, 5), {"pads": [1, 2, 0, 3], "strides": [2, 3]}),
    "dilated": ((2, 4, 12, 9), (5, 4, 3, 2), {"dilations": [3, 2], "pads": [2, 0, 1, 1]}),
    "groups": ((1, 6, 7, 7), (9, 2, 3, 3), {"group": 3}),
    "depthwise": ((2, 19, 6, 10), (19, 1, 3, 3), {"group": 19, "pads": [1, 1, 1, 1], "strides": [2, 1]}),
}


@pytest.mark.parametrize("w_dtype", ["int8", "uint8"])
@pytest.mark.parametrize("case", WINDOWS)
def test_random_convolutions_equal_onnxruntime(case, w_dtype):
    """ConvInteger with any zero-points; ONNX Runtime has it for uint8 images alone."""
    import onnxruntime

    x_shape, w_shape, attributes = WINDOWS[case]
    rng = np.random.default_rng(len(case))
    limits = np.iinfo(w_dtype)
    x, w = rng.integers(0, 256, x_shape).astype(np.uint8), rng.integers(limits.min, limits.max + 1, w_shape)
    x_point = np.array(rng.integers(0, 256), np.uint8)
    w_point = np.array(rng.integers(limits.min, limits.max + 1), w_dtype)
    node = helper.make_node("ConvInteger", ["x", "w", "xz", "wz"], ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        "convolution",
        [helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, x_shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.INT32, None)],
        [numpy_helper.from_array(a, n) for n, a in (("w", w.astype(w_dtype)), ("xz", x_point), ("wz", w_point))],
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10).SerializeToString()
    (expected,) = onnxruntime.InferenceSession(data).run(None, {"x": x})
    ours = load(data, "convolution.onnx").graph
    compiled = wasm.plan(ours, {"x": x.shape})
    np.testing.assert_array_equal(compiled.run({"x": x})["y"], expected)
    np.testing.assert_array_equal(reference.run(compiled.program, {"x": x})["y"], expected)
    np.testing.assert_array_equal(run_graph(ours, {"x": x})["y"], expected)
