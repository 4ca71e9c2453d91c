from typing import Any

import ml_dtypes
import numpy as np
import pytest

F = np.float32
TIES = np.concatenate([np.arange(-400, 400) / 2, np.random.default_rng(0).normal(0, 60, 1000)]).astype(F)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
def test_quantize_per_tensor(check: Any, dtype: str) -> None:
    for scale, zero_point in ((1.0, 0), (0.37, 3), (2e-4, 100)):
        check("QuantizeLinear", TIES, np.array(scale, F), np.array(zero_point, dtype), opset=21)


def test_quantize_without_zero_point_gives_uint8(check: Any) -> None:
    check("QuantizeLinear", TIES, np.array(0.5, F))
    check("QuantizeLinear", TIES, np.array(0.5, F), opset=21, output_dtype=3)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_per_channel(check: Any, normal: Any, axis: int) -> None:
    x = 10 * normal(3, 4, 3)
    channels = x.shape[axis]
    scale = np.linspace(0.1, 1, channels).astype(F)
    codes = check("QuantizeLinear", x, scale, np.arange(channels, dtype=np.int8), axis=axis)[0]
    check("DequantizeLinear", codes, scale, np.arange(channels, dtype=np.int8), axis=axis)


def test_int4_saturates_at_its_own_limits(check: Any) -> None:
    zero_point = np.array(1, np.int8).astype(ml_dtypes.int4)
    x = np.arange(-12, 12, dtype=F)
    codes = np.clip(x + 1, -8, 7)
    scale = np.array(1, F)
    from onnx import helper, numpy_helper

    from playground.engines.interpreter import run_graph
    from playground.opening import load

    graph = helper.make_graph(
        [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"])],
        "q",
        [helper.make_tensor_value_info("x", 1, [24])],
        [helper.make_tensor_value_info("y", 22, [24])],
        [numpy_helper.from_array(scale, "s"), numpy_helper.from_array(zero_point, "z")],
    )
    loaded = load(helper.make_model(graph).SerializeToString()).graph
    assert loaded is not None
    assert run_graph(loaded, {"x": x})["y"].tolist() == codes.tolist()


def test_dequantize(check: Any) -> None:
    codes = np.arange(-128, 128).astype(np.int8)
    check("DequantizeLinear", codes, np.array(0.37, F), np.array(-7, np.int8))
    check("DequantizeLinear", codes, np.array(0.37, F))
    check("DequantizeLinear", np.array([2**31 - 1, -5, 70_001], np.int32), np.array(1e-5, F))


def test_blocks(check: Any, normal: Any) -> None:
    codes = np.arange(60).reshape(3, 20).astype(np.int8)
    scale = np.abs(normal(3, 5))
    check("DequantizeLinear", codes, scale, np.ones((3, 5), np.int8), opset=21, axis=1, block_size=4)
    x = 10 * normal(20, 3)
    check("QuantizeLinear", x, scale.T.copy(), np.ones((5, 3), np.int8), opset=21, axis=0, block_size=4)
