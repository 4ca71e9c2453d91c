"""Softmax, LayerNormalization and means in QDQ graphs. See :mod:`tests.engines.qdq_net`."""

import numpy as np
import pytest

from playground.engines.planned import PlannedModel
from tests.engines.qdq_net import Net, by_onnxruntime, compared, floats


@pytest.mark.parametrize("columns", [1, 3, 16, 17, 100])
def test_softmax(dtype, columns):
    net = Net(dtype, x=3 * floats(4, 3, columns)).pair("x", -8, 8).op("Softmax", "x:r", axis=-1)
    compared(net.pair("y", 0, 1), steps="Softmax Lookup")


@pytest.mark.parametrize(("opset", "shape"), [(12, (3, 7)), (13, (3, 7)), (13, (2, 3, 7)), (17, (2, 3, 7))])
def test_softmax_without_an_axis(dtype, opset, shape):
    """It is the last axis, before operator set 13 the second: both are rows of a matrix."""
    net = Net(dtype, x=3 * floats(*shape)).pair("x", -8, 8).op("Softmax", "x:r")
    compared(net.pair("y", 0, 1), opset=opset, steps="Softmax Lookup")


def test_softmax_over_all_axes_from_the_second_on(dtype):
    """Before operator set 13 all of them are one row."""
    net = Net(dtype, x=3 * floats(2, 3, 7)).pair("x", -8, 8).op("Softmax", "x:r")
    compared(net.pair("y", 0, 1), opset=12, steps="Reshape Softmax Reshape Lookup")


def test_softmax_at_the_end_gives_floats(dtype):
    net = Net(dtype, x=3 * floats(4, 10)).pair("x", -8, 8).op("Softmax", "x:r", axis=1)
    compared(net, "y", steps="Softmax")


@pytest.mark.parametrize("columns", [2, 7, 64, 65])
def test_layer_normalization(dtype, columns):
    net = Net(dtype, x=floats(2, 5, columns)).pair("x")
    net.fixed("g", floats(columns))
    net.fixed("b", floats(columns))
    net.op("LayerNormalization", "x:r g b", axis=-1, epsilon=1e-3)
    compared(net.pair("y", -4, 4), steps="LayerNorm Lookup")


@pytest.mark.parametrize("columns", [1, 20])
def test_layer_normalization_whose_output_has_a_subnormal_scale_is_left_to_numpy(columns):
    """Its weights over that scale are infinite, and 0 times infinity has no code."""
    net = Net("int8", x=floats(5, columns)).pair("x")
    net.fixed("g", np.ones(columns, np.float32))
    net.op("LayerNormalization", "x:r g", axis=-1).pair("y", -1e-38, 1e-38)
    found = [PlannedModel(net.graph("y:r"), engine).run(net.inputs)["y:r"] for engine in ("wasm", "reference")]
    np.testing.assert_array_equal(*found)
    np.testing.assert_array_equal(found[0], by_onnxruntime(net, ["y:r"], 17)["y:r"])


@pytest.mark.parametrize(
    ("shape", "axes", "keep"),
    [
        ((2, 7, 5), [1], 0),
        ((2, 3, 4, 6), [-1, -2], 1),
        ((2, 3, 4, 6), [1], 1),
        ((4, 9), [1], 0),
        ((2, 3, 4), [0, 2], 0),
    ],
)
def test_mean(dtype, shape, axes, keep):
    net = Net(dtype, x=floats(*shape)).pair("x").op("ReduceMean", "x:r", axes=axes, keepdims=keep)
    compared(net.pair("y", -1, 1))


def test_the_largest_of_a_rising_function_of_codes_is_that_of_the_largest_code(dtype):
    net = Net(dtype, x=3 * floats(2, 3, 6, 7)).pair("x", -8, 8)
    net.op("LeakyRelu", "x:r", "leaky", alpha=0.1).op("MaxPool", "leaky", kernel_shape=[2, 3])
    compared(net.pair("y", -1, 8), steps="MaxPool Lookup Lookup")
