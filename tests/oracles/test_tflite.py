"""The tflite convention against ai-edge-quantizer, and against what LiteRT says about quantized models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import QParams, QTensor, Range, Scheme, choose_qparams, quantize
from playground.quantization import encode
from tests.oracles.samples import COUNT, ranges, rows_of_every_size, with_ties

uniform = pytest.importorskip("ai_edge_quantizer.algorithms.uniform_quantize.uniform_quantize_tensor")
qtyping = pytest.importorskip("ai_edge_quantizer.qtyping")

from tests.oracles import one_layer_tflite as one_layer  # noqa: E402 (it imports LiteRT)

CHANNEL = qtyping.QuantGranularity.CHANNELWISE
BITS = {"int8": 8, "int4": 4, "int2": 2, "int16": 16}


def tool_params(scale: Any, zero_point: Any, bits: int, symmetric: bool) -> Any:
    return qtyping.UniformQuantParams(
        num_bits=bits,
        quantized_dimension=0,
        scale=np.asarray(scale),
        zero_point=np.asarray(zero_point),
        symmetric=symmetric,
    )


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("fmt", BITS)
def test_scales_and_zero_points(fmt: str, symmetric: bool) -> None:
    """A million ranges. Symmetric scales are absmax / qmax (127, not 127.5); a range below 1e-9 counts as 1e-9."""
    bounds = ranges(magnitudes=12)
    lo, hi = bounds[:, :1], bounds[:, 1:]
    zero_point, scale = uniform.tensor_zp_scale_from_min_max(lo, hi, BITS[fmt], symmetric, CHANNEL)
    ours = choose_qparams(Range(lo, hi), Scheme(fmt, "channel", 0, symmetric=symmetric, convention="tflite"))
    np.testing.assert_array_equal(ours.scale, scale)
    np.testing.assert_array_equal(ours.zero_point, zero_point)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("fmt", BITS)
def test_codes(fmt: str, symmetric: bool) -> None:
    """The zero-point is added before rounding, and symmetric codes of 8 bits or more never reach the smallest."""
    scheme = Scheme(fmt, "channel", 0, symmetric=symmetric, convention="tflite")
    rng = np.random.default_rng(5)
    scale = np.exp(rng.uniform(-7, 2, (100, 1))).astype(np.float32)
    points = np.zeros((100, 1), np.int32) if symmetric else rng.integers(*scheme.limits, (100, 1), endpoint=True)
    qmin, qmax = scheme.limits
    x = with_ties(scale, (100, COUNT // 100), spread=(qmax - qmin) / 3, offset=-points)
    theirs = uniform.uniform_quantize(x, tool_params(scale, points, BITS[fmt], symmetric))
    qparams = QParams(scale, points)
    codes = encode(x, qparams, scheme)
    np.testing.assert_array_equal(codes, theirs)
    back = uniform.uniform_dequantize(theirs, tool_params(scale, points, BITS[fmt], symmetric))
    np.testing.assert_array_equal(QTensor(codes, qparams, scheme, x.shape).dequantize(), back.astype(np.float32))
    assert codes.min() == qmin
    assert (qmin == -(2 ** (BITS[fmt] - 1))) == (not symmetric or BITS[fmt] < 8)


def test_blocks_have_scales_of_seven_mantissa_bits() -> None:
    """Blocks of 32 store their scales as bfloat16 numbers that are then written as float16."""
    x = rows_of_every_size(500, 2048)
    x = x[(np.abs(x).max(axis=1) > 1e-2) & (np.abs(x).max(axis=1) < 1e5)]  # whose scales are normal halves
    operation = qtyping.TFLOperationName.FULLY_CONNECTED
    granularity = qtyping.QuantGranularity.BLOCKWISE_32
    blocks, axis = uniform.reshape_data_for_blockwise(x, operation, granularity)
    lo, hi = blocks.min(axis=axis), blocks.max(axis=axis)
    zero_point, scale = uniform.tensor_zp_scale_from_min_max(lo, hi, 4, True, granularity)
    params = qtyping.UniformQuantParams(4, 1, scale, zero_point, True, block_size=32)
    theirs = uniform.uniform_quantize(x, params, is_blockwise_quant=True)
    ours = quantize(x, Scheme("int4", "block", 1, 32, convention="tflite"))
    np.testing.assert_array_equal(ours.qparams.scale_values, scale)
    np.testing.assert_array_equal(ours.codes, theirs)
    assert ours.bits_per_weight == 4.5


def test_a_block_of_zeros() -> None:
    """Its scale of 1e-9 / 7 becomes 0 as a half. The tool divides 0 by 0 then and casts NaN; we give code 0."""
    x = np.zeros((2, 32), np.float32)
    ours = quantize(x, Scheme("int4", "block", 1, 32, convention="tflite"))
    assert not ours.qparams.scale_values.any()
    assert not ours.codes.any()
    assert not ours.dequantize().any()


def parameters_of(model: bytes) -> dict[str, tuple[NDArray[np.float32], NDArray[np.int32], int, Any]]:
    """Tensor name -> scales, zero-points, quantized dimension and type, as the interpreter tells them."""
    found = {}
    for detail in one_layer.interpreter(model).get_tensor_details():
        held = detail["quantization_parameters"]
        found[detail["name"]] = (held["scales"], held["zero_points"], held["quantized_dimension"], detail["dtype"])
    return found


@pytest.mark.parametrize(("recipe", "fmt"), [("dynamic_wi8_afp32", "int8"), ("dynamic_wi4_afp32", "int4")])
def test_weights_of_a_quantized_model(recipe: str, fmt: str) -> None:
    rng = np.random.default_rng(11)
    weights = rng.normal(0, 1, (256, 512)).astype(np.float32)
    weights[3] = 0
    model = one_layer.quantized(weights, np.zeros(256, np.float32), recipe)
    scales, points, axis, _ = parameters_of(model)["w"]
    ours = quantize(weights, Scheme(fmt, "channel", 0, convention="tflite"))
    np.testing.assert_array_equal(scales, ours.qparams.scale.ravel())
    np.testing.assert_array_equal(points, ours.qparams.zero_point.ravel())
    assert axis == 0
    if fmt == "int8":
        np.testing.assert_array_equal(one_layer.tensor(model, "w"), ours.codes)


@pytest.mark.filterwarnings("ignore")
def test_activations_and_answers_of_a_quantized_model() -> None:
    """Activations have the tool's own range, ours has the same parameters, and the integers agree within one."""
    rng = np.random.default_rng(13)
    weights, bias = rng.normal(0, 0.1, (64, 128)).astype(np.float32), rng.normal(0, 1, 64).astype(np.float32)
    batches = [rng.normal(0.4, 1, (16, 128)).astype(np.float32) for _ in range(6)]
    model, ranges_found = one_layer.calibrated(weights, bias, batches)
    found = parameters_of(model)
    scheme = Scheme("int8", symmetric=False, convention="tflite")
    qparams = {}
    for name in ("x", "y"):
        bounds = ranges_found[name]
        qparams[name] = choose_qparams(Range(float(bounds["min"].item()), float(bounds["max"].item())), scheme)
        scales, points, _, dtype = found[name]
        assert dtype is np.int8
        assert scales.tolist() == [qparams[name].scale.item()]
        assert points.tolist() == [qparams[name].zero_point.item()]
    w = quantize(weights, Scheme("int8", "channel", 0, convention="tflite"))
    for batch in batches:
        x = encode(batch, qparams["x"], scheme)
        products = (x.astype(np.int64) - qparams["x"].zero_point.item()) @ w.codes.T.astype(np.int64)
        steps = qparams["x"].scale.item() * w.qparams.scale.ravel().astype(np.float64)
        sums = products + np.rint(bias / steps)
        expected = np.rint(sums * steps / qparams["y"].scale.item()) + qparams["y"].zero_point.item()
        answers = one_layer.run(model, x)
        assert np.abs(answers - np.clip(expected, -128, 127)).max() <= 1
