"""The onnxruntime convention against onnxruntime: its quantization tool, and QuantizeLinear as its kernels run it."""

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnxruntime.quantization import quant_utils

from playground import QParams, QTensor, Range, Scheme, choose_qparams, quantize
from playground.quantization import encode

TYPES = {
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
    "int4": TensorProto.INT4,
    "uint4": TensorProto.UINT4,
}
both_symmetries = pytest.mark.parametrize("symmetric", [True, False])


def ranges(count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Random ranges of all magnitudes and signs, and those where a rule shows: zero, tiny, one-sided, widest."""
    rng = np.random.default_rng(11)
    bounds = rng.normal(0, 1, (2, count)) * 10.0 ** rng.uniform(-6, 6, count)
    lo, hi = np.sort(bounds, axis=0)
    special = [(0, 0), (-1, 1), (0, 1e-45), (-1e-40, 1e-38), (0, 255), (-3, -1), (2, 9), (-3e38, 3e38)]
    special += [(0, 1.17549435e-38 * 255)]
    # Scale 1 and a zero-point between two codes, whichever span the codes have.
    special += [(-(k + 0.5), span - k - 0.5) for span in (255, 254, 15, 14, 6, 2) for k in range(min(span, 20))]
    both = np.array([*zip(lo, hi, strict=True), *special], np.float32)
    return both[:, 0], both[:, 1]


@pytest.mark.parametrize("fmt", TYPES)
@both_symmetries
def test_scale_and_zero_point_are_those_of_the_quantization_tool(fmt: str, symmetric: bool) -> None:
    lo, hi = ranges(3000)
    qmin, qmax = quant_utils.get_qmin_qmax_for_qType(TYPES[fmt], symmetric=symmetric)
    expected = [
        quant_utils.compute_scale_zp(np.array(a), np.array(b), qmin, qmax, symmetric)
        for a, b in zip(lo, hi, strict=True)
    ]
    ours = choose_qparams(Range(lo, hi), Scheme(fmt, symmetric=symmetric))
    np.testing.assert_array_equal(ours.scale, np.array([s for _, s in expected], np.float32))
    np.testing.assert_array_equal(ours.zero_point, np.array([int(z) for z, _ in expected]))


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("signed", [True, False])
def test_narrow_ranges_and_other_widths_follow_the_same_formula(bits: int, signed: bool) -> None:
    """The tool's function takes any qmin and qmax; an odd qmin tells the two zero-point roundings apart."""
    scheme = Scheme(f"{'' if signed else 'u'}int{bits}", symmetric=False, narrow_range=signed)
    qmin, qmax = (np.array(limit, np.int16) for limit in scheme.limits)
    lo, hi = ranges(300)
    expected = [quant_utils.compute_scale_zp(np.array(a), np.array(b), qmin, qmax) for a, b in zip(lo, hi, strict=True)]
    ours = choose_qparams(Range(lo, hi), scheme)
    np.testing.assert_array_equal(ours.scale, np.array([s for _, s in expected], np.float32))
    np.testing.assert_array_equal(ours.zero_point, np.array([int(z) for z, _ in expected]))


@pytest.mark.parametrize("fmt", ["int8", "uint8"])
@both_symmetries
def test_weights_come_out_as_from_quantize_data(fmt: str, symmetric: bool) -> None:
    x = np.random.default_rng(3).normal(0.1, 0.4, (300, 70)).astype(np.float32)
    zero_point, scale, codes = quant_utils.quantize_data(x, TYPES[fmt], symmetric)
    ours = quantize(x, Scheme(fmt, symmetric=symmetric))
    assert (ours.qparams.scale.item(), ours.qparams.zero_point.item()) == (scale.item(), zero_point.item())
    np.testing.assert_array_equal(ours.codes, codes)


def run_quantize_linear(
    x: NDArray[np.float32], qparams: QParams, onnx_type: int, axis: int | None
) -> tuple[NDArray[np.generic], NDArray[np.float32]]:
    """Codes from QuantizeLinear (as 8-bit integers) and values from DequantizeLinear, run by onnxruntime."""
    shape = () if axis is None else (x.shape[axis],)
    constants = [
        helper.make_tensor("s", TensorProto.FLOAT, shape, qparams.scale.reshape(-1)),
        helper.make_tensor("z", onnx_type, shape, qparams.zero_point.reshape(-1)),
    ]
    attributes = {} if axis is None else {"axis": axis}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], **attributes),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], **attributes),
        helper.make_node("Cast", ["q"], ["codes"], to=TensorProto.INT32),
    ]
    outputs = [
        helper.make_tensor_value_info("codes", TensorProto.INT32, x.shape),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)]
    graph = helper.make_graph(nodes, "q", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    codes, values = session.run(["codes", "y"], {"x": x})
    return codes, values


def values_with_ties(scale: float, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Normal values that reach into saturation, a third of them exactly between two codes as far as float32 goes."""
    rng = np.random.default_rng(5)
    x = rng.normal(0, 90 * scale, int(np.prod(shape))).astype(np.float32)
    ties = x.size // 3
    x[:ties] = (rng.integers(-300, 300, ties) + np.float32(0.5)) * np.float32(scale)
    return x.reshape(shape)


@pytest.mark.parametrize("fmt", TYPES)
@pytest.mark.parametrize(("scale", "zero_share"), [(0.25, 0.5), (0.0231, 0.1), (1 / 3, 1.0), (7e-4, 0.0)])
def test_codes_are_those_of_quantize_linear(fmt: str, scale: float, zero_share: float) -> None:
    scheme = Scheme(fmt, symmetric=False)
    qmin, qmax = scheme.limits
    qparams = QParams(np.float32(scale), round(qmin + zero_share * (qmax - qmin)))
    x = values_with_ties(scale, (300_000,))
    codes, values = run_quantize_linear(x, qparams, TYPES[fmt], None)
    ours = QTensor(encode(x, qparams, scheme), qparams, scheme, x.shape)
    np.testing.assert_array_equal(ours.codes, codes)
    np.testing.assert_array_equal(ours.dequantize(), values)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("fmt", TYPES)
def test_codes_per_channel_are_those_of_quantize_linear(fmt: str, axis: int) -> None:
    scheme = Scheme(fmt, "channel", axis, symmetric=False)
    x = values_with_ties(0.04, (20, 50, 30))
    ours = quantize(x, scheme, Range(-3, 4.5))
    rng = np.random.default_rng(axis)
    scales = (ours.qparams.scale * rng.uniform(0.2, 3, ours.qparams.scale.shape)).astype(np.float32)
    qparams = QParams(scales, rng.integers(*scheme.limits, scales.shape))
    codes, values = run_quantize_linear(x, qparams, TYPES[fmt], axis)
    ours = QTensor(encode(x, qparams, scheme), qparams, scheme, x.shape)
    np.testing.assert_array_equal(ours.codes, codes)
    np.testing.assert_array_equal(ours.dequantize(), values)
