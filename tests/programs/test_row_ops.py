"""playground.programs.row_ops against ONNX Runtime and against the formulas in float64."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from playground.errors import InvalidInputError
from playground.programs import row_ops
from playground.programs.integer_ops import Target, dequantize
from playground.programs.row_ops import nearest_indices

TYPES = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8, "int8": TensorProto.INT8}


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def run(node, feeds, constants=()):
    """The outputs of a single node by ONNX Runtime."""
    given = [helper.make_tensor_value_info(name, TYPES[x.dtype.name], x.shape) for name, x in feeds.items()]
    made = [helper.make_empty_tensor_value_info(name) for name in node.output]
    graph = helper.make_graph([node], "one", given, made, list(constants))
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 19), helper.make_opsetid("com.microsoft", 1)], ir_version=9
    )
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feeds)


def test_softmax_is_within_a_step_of_the_float_one(rng):
    codes, scale = rng.integers(-128, 128, (7, 5, 130)).astype(np.int8), 0.05
    to = Target("uint8", 0, 0.0, 255.0)
    found = row_ops.softmax(codes, row_ops.exp_table(scale), 256, to)
    (exact,) = run(helper.make_node("Softmax", ["x"], ["y"]), {"x": dequantize(codes, np.float32(scale), 17)})
    assert np.abs(found - np.clip(exact * 256, 0, 255)).max() <= 0.5001


def test_layer_norm_is_within_a_step_of_onnx_runtimes(rng):
    codes, scale, point = rng.integers(0, 256, (6, 96)).astype(np.uint8), np.float32(0.02), 131
    gamma, beta = (rng.normal(size=96).astype(np.float32) for _ in range(2))
    out_scale, to = np.float32(0.05), Target("int8", 4, -132.0, 123.0)
    found = row_ops.layer_norm(
        codes, to, zero_point=point, epsilon=1e-5 / scale**2, gamma=gamma / out_scale, beta=beta / out_scale
    )
    node = helper.make_node("LayerNormalization", ["x", "gamma", "beta"], ["y"], epsilon=1e-5)
    (exact,) = run(node, {"x": dequantize(codes, scale, point), "gamma": gamma, "beta": beta})
    assert np.abs(found - np.clip(exact / out_scale + 4, -128, 127)).max() <= 0.501


def test_products_are_those_of_onnx_runtime(rng):
    a, b = rng.integers(0, 256, (4, 33)).astype(np.uint8), rng.integers(0, 256, (1, 33)).astype(np.uint8)
    scales, points = (
        [np.float32(s) for s in (0.25, 0.5, 4.0)],
        (100, 3, 78),
    )  # no rounding matters, and ties go the same way
    to = Target("uint8", 78, -78.0, 177.0)
    found = row_ops.multiply(a, b, points[:2], scales[0] * scales[1] / scales[2], to)
    names = ["a", "sa", "za", "b", "sb", "zb", "sy", "zy"]
    constants = [
        helper.make_tensor(n, TensorProto.FLOAT, [], [s]) for n, s in zip(("sa", "sb", "sy"), scales, strict=True)
    ]
    constants += [
        helper.make_tensor(n, TensorProto.UINT8, [], [z]) for n, z in zip(("za", "zb", "zy"), points, strict=True)
    ]
    node = helper.make_node("QLinearMul", names, ["y"], domain="com.microsoft")
    np.testing.assert_array_equal(found, run(node, {"a": a, "b": b}, constants)[0])


@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("transform", ["half_pixel", "asymmetric", "pytorch_half_pixel", "align_corners"])
def test_tables_are_those_of_onnx_runtime(transform, rounding):
    for size, out_size in [(5, 10), (10, 5), (7, 3), (3, 7), (4, 1), (1, 4), (13, 29), (8, 8)]:
        found = resized_by_onnx_runtime(size, out_size, transform, rounding)
        np.testing.assert_array_equal(nearest_indices(size, out_size, None, transform, rounding), found)


def resized_by_onnx_runtime(size, out_size, transform, rounding):
    how = {"mode": "nearest", "coordinate_transformation_mode": transform, "nearest_mode": rounding}
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], **how)
    sizes = helper.make_tensor("sizes", TensorProto.INT64, [4], [1, 1, 1, out_size])
    return run(node, {"x": np.arange(size, dtype=np.float32).reshape(1, 1, 1, -1)}, [sizes])[0].reshape(-1)


@pytest.mark.parametrize(("args", "told"), [((0, 3), "0 places cannot be resized"), ((2, 3, None, "cubic"), "'cubic'")])
def test_what_cannot_be_resized_is_refused(args, told):
    with pytest.raises(InvalidInputError, match=told):
        nearest_indices(*args)
