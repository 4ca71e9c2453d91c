"""The onnx_spec convention against ONNX's own reference evaluator, and where ONNX Runtime departs from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from playground import QParams, QTensor, Range, Scheme, choose_qparams
from playground.quantization import encode
from tests.oracles.samples import COUNT, ranges, with_ties

TYPES = {
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
    "int16": TensorProto.INT16,
    "uint16": TensorProto.UINT16,
    "int4": TensorProto.INT4,
    "uint4": TensorProto.UINT4,
    "int2": TensorProto.INT2,
    "uint2": TensorProto.UINT2,
}
FLOATS = {
    "fp8_e4m3": TensorProto.FLOAT8E4M3FN,
    "fp8_e5m2": TensorProto.FLOAT8E5M2,
    "fp8_e4m3fnuz": TensorProto.FLOAT8E4M3FNUZ,
    "fp8_e5m2fnuz": TensorProto.FLOAT8E5M2FNUZ,
}
OPSET = 25


def quantize_linear(kind: int, shapes: tuple[Any, Any, Any], opset: int = OPSET, **attributes: Any) -> onnx.ModelProto:
    """A model of QuantizeLinear and DequantizeLinear, whose output is float again."""
    x, scale, point = shapes
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "point"], ["codes"], **attributes),
        helper.make_node("DequantizeLinear", ["codes", "scale", "point"], ["back"], **attributes),
    ]
    if kind in FLOATS.values():
        nodes.append(helper.make_node("Cast", ["codes"], ["plain"], to=TensorProto.FLOAT))
    else:
        nodes.append(helper.make_node("Cast", ["codes"], ["plain"], to=TensorProto.INT32))
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, x),
        helper.make_tensor_value_info("scale", TensorProto.FLOAT, scale),
        helper.make_tensor_value_info("point", kind, point),
    ]
    outputs = [
        helper.make_tensor_value_info("plain", TensorProto.FLOAT if kind in FLOATS.values() else TensorProto.INT32, x),
        helper.make_tensor_value_info("back", TensorProto.FLOAT, x),
    ]
    graph = helper.make_graph(nodes, "quantize", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def as_points(points: NDArray[Any], kind: int) -> NDArray[Any]:
    return points.astype(helper.tensor_dtype_to_np_dtype(kind))


def answers(tool: str, model: onnx.ModelProto, feeds: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """What the reference evaluator or ONNX Runtime says, both given the same arrays."""
    if tool == "reference":
        result: list[NDArray[Any]] = ReferenceEvaluator(model).run(None, feeds)
        return result
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    kind = model.graph.input[2].type.tensor_type.elem_type
    held = {
        name: onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(value.view(np.uint8), kind)
        if name == "point" and kind in FLOATS.values()
        else onnxruntime.OrtValue.ortvalue_from_numpy(value)
        for name, value in feeds.items()
    }
    return [value.numpy() for value in session.run_with_ort_values(None, held)]


def parameters(scheme: Scheme, shape: tuple[int, ...]) -> QParams:
    rng = np.random.default_rng(len(shape))
    scale = np.exp(rng.uniform(-7, 2, shape)).astype(np.float32)
    return QParams(scale, rng.integers(*scheme.limits, shape, endpoint=True))


@pytest.mark.parametrize("where", ["tensor", "channel", "block"])
@pytest.mark.parametrize("fmt", TYPES)
def test_quantize_linear_as_specified(fmt: str, where: str) -> None:
    """``saturate(rint(x / s) + z)``, per tensor, per channel and in blocks, with every integer type ONNX has."""
    check(fmt, where, "reference")


@pytest.mark.parametrize("where", ["tensor", "channel", "block"])
@pytest.mark.parametrize("fmt", ["int8", "uint8", "int16", "uint16"])
def test_quantize_linear_in_onnx_runtime(fmt: str, where: str) -> None:
    """The same rule, in the types that numpy can hand over."""
    check(fmt, where, "onnxruntime")


def check(fmt: str, where: str, tool: str) -> None:
    shape, attributes = (100, COUNT // 100), {}
    how: dict[str, Any] = {"granularity": where}
    shapes: tuple[Any, Any, Any] = (shape, (), ())
    if where == "channel":
        how["axis"], attributes["axis"], shapes = 0, 0, (shape, (100,), (100,))
    if where == "block":
        how |= {"axis": 1, "block_size": 50}
        attributes, shapes = {"axis": 1, "block_size": 50}, (shape, (100, 200), (100, 200))
    scheme = Scheme(fmt, symmetric=False, convention="onnx_spec", **how)
    qparams = parameters(scheme, scheme.qparams_shape(shape))
    qmin, qmax = scheme.limits
    x = with_ties(scheme.grouping.expand(qparams.scale, shape), shape, spread=(qmax - qmin) / 2.5)
    model = quantize_linear(TYPES[fmt], shapes, opset=OPSET if tool == "reference" else 21, **attributes)
    points = as_points(qparams.zero_point.reshape(shapes[2]), TYPES[fmt])
    codes, back = answers(tool, model, {"x": x, "scale": qparams.scale.reshape(shapes[1]), "point": points})
    ours = QTensor(encode(x, qparams, scheme), qparams, scheme, shape)
    np.testing.assert_array_equal(ours.codes, codes)
    np.testing.assert_array_equal(ours.dequantize(), back)


@pytest.mark.parametrize("tool", ["reference", "onnxruntime"])
@pytest.mark.parametrize("fmt", FLOATS)
def test_quantize_linear_to_eight_bit_floats(fmt: str, tool: str) -> None:
    """Values are divided by the scale and cast; what is too large saturates, which is the operator's default."""
    x = np.concatenate([with_ties(0.03, (COUNT // 2,), spread=200), ranges(COUNT // 4).ravel()])
    scheme = Scheme(fmt, scaled=True, convention="onnx_spec")
    qparams = QParams(np.full((1,), 0.03, np.float32), np.zeros((1,), np.int32))
    model = quantize_linear(FLOATS[fmt], (x.shape, (), ()), opset=21)
    point = as_points(np.zeros((), np.float32), FLOATS[fmt])
    plain, back = answers(tool, model, {"x": x, "scale": qparams.scale.reshape(()), "point": point})
    ours = QTensor(encode(x, qparams, scheme), qparams, scheme, x.shape)
    np.testing.assert_array_equal(scheme.element.decode(ours.codes), plain)
    np.testing.assert_array_equal(ours.dequantize(), back)


def dynamic() -> onnx.ModelProto:
    node = helper.make_node("DynamicQuantizeLinear", ["x"], ["codes", "scale", "point"])
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])]
    outputs = [
        helper.make_tensor_value_info("codes", TensorProto.UINT8, ["n"]),
        helper.make_tensor_value_info("scale", TensorProto.FLOAT, []),
        helper.make_tensor_value_info("point", TensorProto.UINT8, []),
    ]
    graph = helper.make_graph([node], "dynamic", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=10)


@pytest.mark.parametrize("tool", ["reference", "onnxruntime"])
def test_dynamic_quantize_linear(tool: str) -> None:
    """Scale and zero-point of 20 000 ranges, formed in float32 with zero inside."""
    run = (
        ReferenceEvaluator(dynamic()).run
        if tool == "reference"
        else onnxruntime.InferenceSession(dynamic().SerializeToString()).run
    )
    scheme = Scheme("uint8", symmetric=False, convention="onnx_spec")
    bounds = ranges(20_000)
    bounds = bounds[np.abs(bounds).max(axis=1) > 0]
    for pair in bounds:
        codes, scale, point = run(None, {"x": pair})
        qparams = choose_qparams(Range(*pair), scheme)
        assert (qparams.scale.item(), qparams.zero_point.item()) == (scale.item(), point.item())
        np.testing.assert_array_equal(encode(pair, QParams(scale, point.astype(np.int32)), scheme), codes)


def test_zeros_alone_are_where_the_two_disagree() -> None:
    """The reference evaluator pretends a range of 1 (scale 1 / 255); ONNX Runtime uses scale 1.

    The specification's own formula would divide by zero. The convention follows the evaluator.
    """
    zeros = {"x": np.zeros(3, np.float32)}
    _, reference, _ = ReferenceEvaluator(dynamic()).run(None, zeros)
    _, runtime, _ = onnxruntime.InferenceSession(dynamic().SerializeToString()).run(None, zeros)
    scale = choose_qparams(Range(0, 0), Scheme("uint8", symmetric=False, convention="onnx_spec")).scale.item()
    assert (scale, runtime.item()) == (reference.item(), 1)
    assert scale == np.float32(1) / np.float32(255)
