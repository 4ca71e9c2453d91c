"""The specification against ONNX's own reference evaluator and ONNX Runtime, every mixture of u8 and s8."""

import numpy as np
import onnxruntime
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from playground.programs import integer_ops as ops

DTYPES = ["uint8", "int8"]


def reference(op, inputs, opset=21, outputs=("y",), y_dtype=None, runtime="onnx", **attributes):
    """One ONNX operator on these inputs, run by the onnx reference evaluator or by ONNX Runtime."""
    names = [f"x{i}" for i in range(len(inputs))]
    infos = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in zip(names, inputs, strict=True)
    ]
    made = helper.make_tensor_value_info("y", helper.np_dtype_to_tensor_dtype(np.dtype(y_dtype)), None)
    graph = helper.make_graph([helper.make_node(op, names, list(outputs), **attributes)], op, infos, [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    feeds = {name: np.asarray(array) for name, array in zip(names, inputs, strict=True)}
    if runtime == "onnx":
        return ReferenceEvaluator(model).run(None, feeds)[0]
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)[0]


def random_codes(rng, shape, dtype):
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize("b_dtype", DTYPES)
@pytest.mark.parametrize("a_dtype", DTYPES)
def test_matmul_integer(rng, a_dtype, b_dtype):
    a, b = random_codes(rng, (5, 13), a_dtype), random_codes(rng, (13, 7), b_dtype)
    za, zb = random_codes(rng, (), a_dtype), random_codes(rng, (), b_dtype)
    expected = reference("MatMulInteger", [a, b, za, zb], y_dtype="int32")
    np.testing.assert_array_equal(ops.matmul_integer(a, b, za, zb), expected)


CONVS = {
    "plain": ({"pads": [0, 0, 0, 0]}, 1, ops.Window((3, 3), (5, 4))),
    "padded": ({"pads": [1, 2, 0, 1]}, 1, ops.Window((3, 3), (6, 7), pads=(1, 2))),
    "strided": ({"strides": [2, 3]}, 1, ops.Window((3, 3), (3, 2), strides=(2, 3))),
    "dilated": ({"dilations": [3, 2]}, 1, ops.Window((3, 3), (1, 2), dilations=(3, 2))),
}


@pytest.mark.parametrize("w_dtype", DTYPES)
@pytest.mark.parametrize("x_dtype", DTYPES)
@pytest.mark.parametrize("case", CONVS)
def test_conv_integer(rng, case, x_dtype, w_dtype):
    attributes, groups, window = CONVS[case]
    x, w = random_codes(rng, (2, 4, 7, 6), x_dtype), random_codes(rng, (6, 4 // groups, 3, 3), w_dtype)
    zx, zw = random_codes(rng, (), x_dtype), random_codes(rng, (), w_dtype)
    expected = reference("ConvInteger", [x, w, zx, zw], opset=17, y_dtype="int32", group=groups, **attributes)
    sums = ops.conv_integer(x, w, window, groups=groups, x_zero_point=zx, w_zero_point=zw)
    np.testing.assert_array_equal(sums, expected)


@pytest.mark.parametrize(("groups", "filters"), [(2, 6), (4, 4), (4, 8)])
def test_grouped_conv_integer(rng, groups, filters):
    """Against ONNX Runtime: the onnx reference evaluator's ConvInteger rejects groups."""
    x, w = random_codes(rng, (2, 4, 7, 6), "uint8"), random_codes(rng, (filters, 4 // groups, 3, 3), "uint8")
    zx, zw = np.uint8(77), np.uint8(200)
    expected = reference("ConvInteger", [x, w, zx, zw], opset=17, y_dtype="int32", runtime="ort", group=groups)
    sums = ops.conv_integer(x, w, ops.Window((3, 3), (5, 4)), groups=groups, x_zero_point=zx, w_zero_point=zw)
    np.testing.assert_array_equal(sums, expected)


def target(dtype, zero_point):
    limits = np.iinfo(dtype)
    return ops.Target(dtype, int(zero_point), float(limits.min) - int(zero_point), float(limits.max) - int(zero_point))


@pytest.mark.parametrize("y_dtype", DTYPES)
@pytest.mark.parametrize("b_dtype", DTYPES)
@pytest.mark.parametrize("a_dtype", DTYPES)
def test_qlinear_matmul(rng, a_dtype, b_dtype, y_dtype):
    a, b = random_codes(rng, (9, 21), a_dtype), random_codes(rng, (21, 11), b_dtype)
    za, zb, zy = (random_codes(rng, (), dtype) for dtype in (a_dtype, b_dtype, y_dtype))
    sa, sb, sy = (np.float32(s) for s in (0.02, 0.013, 0.5))
    expected = reference("QLinearMatMul", [a, sa, za, b, sb, zb, sy, zy], y_dtype=y_dtype)
    result = ops.requantize(ops.matmul_integer(a, b, za, zb), sa * sb / sy, target(y_dtype, zy))
    assert result.dtype == y_dtype
    np.testing.assert_array_equal(result, expected)
    assert np.unique(result).size > 20


@pytest.mark.parametrize("w_dtype", DTYPES)
@pytest.mark.parametrize("x_dtype", DTYPES)
def test_qlinear_conv(rng, x_dtype, w_dtype):
    """Scales and zero-points per output channel, bias in steps of x_scale * w_scale."""
    x, w = random_codes(rng, (2, 4, 7, 6), x_dtype), random_codes(rng, (5, 4, 3, 3), w_dtype)
    zx, zy = random_codes(rng, (), x_dtype), random_codes(rng, (), x_dtype)
    zw = random_codes(rng, (5,), w_dtype)
    sx, sy, sw = np.float32(0.02), np.float32(0.7), rng.uniform(0.01, 0.05, 5).astype(np.float32)
    bias = rng.integers(-3000, 3000, 5).astype(np.int32)
    inputs = [x, sx, zx, w, sw, zw, sy, zy, bias]
    expected = reference("QLinearConv", inputs, y_dtype=x_dtype)
    window = ops.Window((3, 3), (5, 4))
    sums = ops.conv_integer(x, w, window, x_zero_point=zx, w_zero_point=zw.reshape(-1, 1, 1, 1))
    sums = ops.add_bias(sums, bias[:, None, None])
    result = ops.requantize(sums, (sx * sw / sy)[:, None, None], target(x_dtype, zy))
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("runtime", ["onnx", "ort"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_quantize_linear(rng, dtype, runtime):
    scale, zero_point = np.float32(0.1), random_codes(rng, (), dtype)
    ties = (np.arange(-400, 400, dtype=np.float32) + np.float32(0.5)) * scale
    x = np.concatenate([rng.normal(size=2000).astype(np.float32) * 10, ties, np.float32([1e8, -1e8, -0.0])])
    expected = reference("QuantizeLinear", [x, scale, zero_point], y_dtype=dtype, runtime=runtime)
    np.testing.assert_array_equal(ops.quantize(x, scale, int(zero_point), dtype), expected)


def test_quantize_special_values():
    x = np.array([np.nan, np.inf, -np.inf], np.float32)
    np.testing.assert_array_equal(ops.quantize(x, np.float32(1), 5, "int8"), [-128, 127, -128])


@pytest.mark.parametrize("dtype", DTYPES)
def test_dequantize_linear_per_channel(rng, dtype):
    codes, scale = random_codes(rng, (3, 4, 5), dtype), rng.uniform(0.01, 1, 4).astype(np.float32)
    zero_point = random_codes(rng, (4,), dtype)
    expected = reference("DequantizeLinear", [codes, scale, zero_point], y_dtype="float32", axis=1)
    shape = (1, 4, 1)
    np.testing.assert_array_equal(ops.dequantize(codes, scale.reshape(shape), zero_point.reshape(shape)), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_max_pool(rng, dtype):
    x = random_codes(rng, (2, 3, 7, 6), dtype)
    attributes = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 1, 1, 0]}
    expected = reference("MaxPool", [x], y_dtype=dtype, runtime="ort", **attributes)
    window = ops.Window((3, 2), expected.shape[2:], strides=(2, 1), pads=(1, 1))
    np.testing.assert_array_equal(ops.max_pool(x, window), expected)


@pytest.mark.parametrize("count_padding", [False, True])
def test_average_pool_is_the_mean_of_the_real_values(rng, count_padding):
    codes, scale, zero_point = random_codes(rng, (2, 3, 7, 6), "uint8"), np.float32(0.05), 90
    attributes = {
        "kernel_shape": [3, 2],
        "strides": [2, 2],
        "pads": [1, 1, 1, 1],
        "count_include_pad": int(count_padding),
    }
    x = ops.dequantize(codes, scale, zero_point)
    expected = reference("AveragePool", [x], y_dtype="float32", runtime="ort", **attributes)
    window = ops.Window((3, 2), expected.shape[2:], strides=(2, 2), pads=(1, 1))
    result = ops.average_pool(
        codes, window, ops.Target("float32"), zero_point=zero_point, ratio=scale, count_padding=count_padding
    )
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_add_is_the_sum_of_the_real_values(rng):
    a, b = random_codes(rng, 400, "uint8"), random_codes(rng, 400, "int8")
    sa, sb, sy = np.float32(0.05), np.float32(0.11), np.float32(0.1)
    real = ops.dequantize(a, sa, 90) + ops.dequantize(b, sb, -7)
    result = ops.add(a, b, (90, -7), (sa / sy, sb / sy), target("uint8", 120))
    assert np.abs(result.astype(int) - ops.quantize(real, sy, 120, "uint8")).max() <= 1
    assert (result == ops.quantize(real, sy, 120, "uint8")).mean() > 0.98


def test_lookup_reads_signed_codes_by_their_octet():
    table = np.arange(256, dtype=np.float32)
    np.testing.assert_array_equal(ops.lookup(np.array([0, 127, -128, -1], np.int8), table), [0, 127, 128, 255])


@pytest.mark.parametrize(("kernel", "out"), [((1, 1), (1, 1)), ((1, 3), (1, 2)), ((3, 1), (2, 1))])
def test_a_step_to_a_place_that_is_not_there_is_not_kept(kernel, out):
    """Kernels reserve room for steps, and what a model states need not fit into int32."""
    window = ops.Window(kernel, out, strides=(2**31 - 1, 2**31 - 1), dilations=(2**31 - 1, 2**31 - 1))
    assert window.strides == tuple(1 if n == 1 else 2**31 - 1 for n in out)
    assert window.dilations == tuple(1 if n == 1 else 2**31 - 1 for n in kernel)
