"""playground.programs.dynamic_ops against ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from playground.programs import dynamic_ops
from playground.programs.integer_ops import Window


def run(node, x):
    """The outputs of a node of one float input by ONNX Runtime."""
    made = [helper.make_empty_tensor_value_info(name) for name in node.output]
    graph = helper.make_graph([node], "one", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)], made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})


@pytest.mark.parametrize(
    "x",
    [[0, 2, -3, -2.5, 1.34, 0.5], [1, 2.1, 1.3, 2.5, 3.34, 4], [-1, -2.1, -1.3, -2.5, -3.34, -4], [0, 0], [1e-30, 0]],
    ids=["both signs", "positive", "negative", "zeros", "tiny"],
)
def test_dynamic_quantization_is_that_of_onnx_runtime(x):
    assert_dynamic(np.array(x, np.float32))


def test_dynamic_quantization_of_many_values():
    for scale in (1e-3, 1, 77):
        assert_dynamic((np.random.default_rng(11).normal(size=20_000) * scale).astype(np.float32))


def assert_dynamic(x):
    found = dynamic_ops.dynamic_range(x)
    codes, scale, zero_point = run(helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "s", "z"]), x)
    np.testing.assert_array_equal(found, [scale, zero_point])
    np.testing.assert_array_equal(dynamic_ops.dynamic_quantize(x, found), codes)


@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("count_padding", [False, True])
def test_pools_are_those_of_onnx_runtime(kind, count_padding):
    x = np.random.default_rng(3).normal(size=(2, 3, 7, 6)).astype(np.float32)
    how = {"count_include_pad": int(count_padding)} if kind == "AveragePool" else {}
    node = helper.make_node(kind, ["x"], ["y"], kernel_shape=[3, 2], strides=[2, 2], pads=[1, 1, 1, 1], **how)
    (theirs,) = run(node, x)
    window = Window((3, 2), theirs.shape[2:], (2, 2), (1, 1), (1, 1))
    mean = kind == "AveragePool"
    found = dynamic_ops.pool_floats(x, window, mean=mean, count_padding=count_padding)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, theirs, rtol=1e-6 if mean else 0, atol=1e-6 if mean else 0)
