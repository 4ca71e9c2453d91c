"""k_resize_nearest and its tables against NumPy and ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from playground.engines.row_ops import nearest_indices
from playground.errors import InvalidInputError


@pytest.mark.parametrize("channels", [1, 3, 16, 17])
@pytest.mark.parametrize("size", [(4, 6), (8, 12), (3, 1), (1, 5), (9, 7)])
def test_resize(guarded, out, rng, size, channels):
    x = rng.integers(-128, 128, (2, 4, 6, channels)).astype(np.int8)
    lines, columns = nearest_indices(4, size[0]), nearest_indices(6, size[1])
    result = guarded("k_resize_nearest", x, *x.shape, *size, lines, columns, out((2, *size, channels), "int8"))
    np.testing.assert_array_equal(result, x[:, lines][:, :, columns])


def test_indices_outside_the_image_are_those_of_the_edge(guarded, out):
    x = np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1)
    lines, columns = np.array([-5, 0, 7], np.int32), np.array([2**31 - 1, -1, -(2**31)], np.int32)
    result = guarded("k_resize_nearest", x, 1, 2, 3, 1, 3, 3, lines, columns, out((3, 3), "uint8"))
    np.testing.assert_array_equal(result, [[2, 0, 0], [2, 0, 0], [5, 3, 3]])


@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("transform", ["half_pixel", "asymmetric", "pytorch_half_pixel", "align_corners"])
def test_tables_are_those_of_onnx_runtime(transform, rounding):
    for size, out_size in [(5, 10), (10, 5), (7, 3), (3, 7), (4, 1), (1, 4), (13, 29), (8, 8)]:
        found = resized_by_onnx_runtime(np.arange(size, dtype=np.float32), out_size, transform, rounding)
        np.testing.assert_array_equal(nearest_indices(size, out_size, None, transform, rounding), found)


def resized_by_onnx_runtime(x, out_size, transform, rounding):
    node = helper.make_node(
        *("Resize", ["x", "", "", "sizes"], ["y"]),
        mode="nearest",
        coordinate_transformation_mode=transform,
        nearest_mode=rounding,
    )
    sizes = helper.make_tensor("sizes", TensorProto.INT64, [4], [1, 1, 1, out_size])
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1, x.size])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 1, out_size])
    graph = helper.make_graph([node], "resize", [given], [made], [sizes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x.reshape(1, 1, 1, -1)})[0].reshape(-1)


@pytest.mark.parametrize(("args", "told"), [((0, 3), "cannot resize 0"), ((2, 3, None, "cubic"), "'cubic'")])
def test_what_cannot_be_resized_is_refused(args, told):
    with pytest.raises(InvalidInputError, match=told):
        nearest_indices(*args)
