"""Convolutions of float32 as steps, and of signals as images of a height of 1, in floats and in codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import helper

from playground.engines import wasm
from playground.engines.planning.plan import refusals
from playground.programs.lowering import Lowering
from tests.engines.qdq_net import Net, floats
from tests.engines.qdq_net import compared as compared_codes
from tests.engines.test_float_products import compared, steps_of
from tests.engines.test_mixed import both, file_of, native, quantized

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(9)


def weights(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "plain": ((2, 3, 8, 9), (5, 3, 3, 3), {}),
    "padded": ((1, 4, 7, 7), (9, 4, 3, 3), {"pads": [1, 1, 1, 1]}),
    "uneven padding": ((1, 4, 7, 7), (9, 4, 3, 2), {"pads": [2, 0, 0, 1], "strides": [2, 1]}),
    "same": ((1, 3, 10, 11), (4, 3, 5, 5), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "dilated": ((1, 3, 12, 12), (4, 3, 3, 3), {"dilations": [2, 3], "pads": [2, 3, 2, 3]}),
    "pointwise": ((2, 6, 5, 5), (8, 6, 1, 1), {}),
    "pointwise with a step": ((2, 6, 5, 5), (8, 6, 1, 1), {"strides": [2, 2]}),
    "depthwise": ((1, 10, 9, 9), (10, 1, 3, 3), {"group": 10, "pads": [1, 1, 1, 1]}),
    "two filters a channel": ((1, 4, 6, 6), (8, 1, 3, 3), {"group": 4}),
    "groups": ((1, 8, 6, 6), (12, 2, 3, 3), {"group": 4, "pads": [1, 1, 1, 1]}),
    "signal": ((2, 4, 30), (6, 4, 5), {"pads": [2, 2], "strides": [2]}),
    "depthwise signal": ((1, 8, 30), (8, 1, 5), {"group": 8, "dilations": [3]}),
    "same signal": ((1, 3, 17), (4, 3, 4), {"auto_pad": "SAME_LOWER", "strides": [3]}),
    "pointwise signal": ((1, 5, 12), (7, 5, 1), {}),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_a_convolution(case: str, bias: bool) -> None:
    size, shape, attributes = CASES[case]
    node = helper.make_node("Conv", ["x", "w", *(["b"] if bias else [])], ["y"], **attributes)
    constants = {"w": weights(*shape), **({"b": weights(shape[0])} if bias else {})}
    steps = "FloatConv" if len(size) == 4 else "Reshape FloatConv Reshape"
    compared([node], {"x": weights(*size)}, constants, steps)


@pytest.mark.parametrize("operator", ["Conv", "ConvTranspose", "Gemm"])
@pytest.mark.parametrize("signal", [False, True])
def test_a_batch_normalization_becomes_part_of_a_product(operator: str, signal: bool) -> None:
    names = ["scale", "shift", "mean", "variance"]
    attributes = {} if operator == "Gemm" else {"group": 2 if operator == "Conv" else 1}
    nodes = [
        helper.make_node(operator, ["x", "w", "b"], ["c"], **attributes),
        helper.make_node("BatchNormalization", ["c", *names], ["n"], epsilon=0.01),
        helper.make_node("Relu", ["n"], ["y"]),
    ]
    own = {"Conv": (6, 2), "ConvTranspose": (4, 6), "Gemm": (4, 6)}[operator]
    spatial = () if operator == "Gemm" else (3,) if signal else (3, 3)
    constants = {"w": weights(*own, *spatial), **{name: weights(6) for name in ("b", *names)}}
    constants["variance"] = np.abs(constants["variance"])
    steps = {"Conv": "FloatConv", "ConvTranspose": "FloatConvTranspose", "Gemm": "FloatProduct"}[operator]
    steps = f"Reshape {steps} Reshape" if len(spatial) == 1 else steps
    compared(nodes, {"x": weights(2, 4, *(7,) * len(spatial))}, constants, steps)


TRANSPOSED: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "plain": ((2, 3, 4, 5), (3, 6, 3, 3), {}),
    "twice as large": ((1, 8, 5, 5), (8, 4, 2, 2), {"strides": [2, 2]}),
    "cut": ((1, 4, 6, 7), (4, 5, 4, 3), {"strides": [2, 3], "pads": [1, 0, 1, 2]}),
    "dilated": ((1, 4, 5, 5), (4, 3, 3, 2), {"dilations": [2, 3], "strides": [2, 1]}),
    "more at the end": ((1, 4, 5, 5), (4, 3, 3, 3), {"strides": [3, 2], "output_padding": [2, 1]}),
    "of a stated size": ((1, 4, 5, 5), (4, 3, 3, 3), {"strides": [2, 2], "output_shape": [10, 9]}),
    "same": ((1, 2, 4, 6), (2, 3, 3, 3), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    "signal": ((2, 4, 11), (4, 6, 4), {"strides": [2], "pads": [1, 2], "output_padding": [1]}),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", TRANSPOSED)
def test_a_transposed_convolution(case: str, bias: bool) -> None:
    size, shape, attributes = TRANSPOSED[case]
    nodes = [
        helper.make_node("ConvTranspose", ["x", "w", *(["b"] if bias else [])], ["c"], **attributes),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    constants = {"w": weights(*shape), **({"b": weights(shape[1])} if bias else {})}
    steps = "FloatConvTranspose" if len(size) == 4 else "Reshape FloatConvTranspose Reshape"
    compared(nodes, {"x": weights(*size)}, constants, steps)


@pytest.mark.parametrize("size", [(2, 3, 9, 9), (2, 3, 40)], ids=str)
def test_a_constant_and_limits_become_part_of_it(size: tuple[int, ...]) -> None:
    rank = len(size) - 2
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Add", ["c", "b"], ["s"]),
        helper.make_node("Relu", ["s"], ["r"]),
        helper.make_node("Conv", ["r", "v"], ["d"], pads=[1] * (2 * rank)),
        helper.make_node("Clip", ["d", "lo", "hi"], ["y"]),
    ]
    constants = {
        **{"w": weights(6, 3, *(3,) * rank), "v": weights(4, 6, *(3,) * rank), "b": weights(6, *(1,) * rank)},
        **{"lo": np.array(-20, np.float32), "hi": np.array(20, np.float32)},
    }
    steps = "FloatConv FloatConv" if rank == 2 else "Reshape FloatConv FloatConv Reshape"
    compared(nodes, {"x": weights(*size)}, constants, steps)


def test_signals_between_convolutions_are_not_transposed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum and limits between two of them take signals as they are kept: the channels last."""
    called: list[str] = []
    call = Lowering.call
    monkeypatch.setattr(
        Lowering, "call", lambda self, kernel, **given: (called.append(kernel.name), call(self, kernel, **given))
    )
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1]),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("Add", ["a", "r"], ["s"]),
        helper.make_node("Slice", ["s", "from", "to", "axes"], ["t"]),
        helper.make_node("Conv", ["t", "v"], ["y"]),
    ]
    constants = {
        **{"w": weights(6, 4, 3), "v": weights(5, 6, 3)},
        **{name: np.array([n], np.int64) for name, n in (("from", 3), ("to", 15), ("axes", 2))},
    }
    steps = "Reshape FloatConv Reshape Unary Binary View Reshape FloatConv Reshape"
    content = file_of(nodes, {"x": ["n", 4, 20]}, {"y": 1}, constants)
    assert steps_of(content, {"x": weights(2, 4, 20)}) == steps.split()
    assert called.count("k_transpose") == len(("x", "y"))
    compared(nodes, {"x": weights(2, 4, 20)}, constants, steps)


@pytest.mark.parametrize("case", ["signal", "depthwise signal", "same signal", "pointwise signal"])
def test_a_convolution_of_coded_signals(dtype: str, case: str) -> None:
    size, shape, attributes = CASES[case]
    net = Net(dtype, x=floats(*size)).pair("x").codes("w", floats(*shape), axis=0)
    net.op("Conv", "x:r w:r", **attributes)
    compared_codes(net.pair("y", -12, 12), steps="Reshape Conv Reshape Lookup")


def test_coded_signals_between_convolutions_are_not_transposed(dtype: str) -> None:
    net = (
        Net(dtype, x=floats(2, 4, 20)).pair("x").codes("w", floats(6, 4, 3), axis=0).codes("v", floats(5, 6, 3), axis=0)
    )
    net.op("Conv", "x:r w:r", "a", pads=[1, 1]).op("Relu", "a", "b").pair("b", 0, 6)
    net.op("Conv", "b:r v:r", "y").pair("y", -20, 20)
    made = compared_codes(net, steps="Reshape Conv Conv Reshape Lookup")
    assert isinstance(made, wasm.WasmProgram)
    # x, both convolutions, and the result: x:q and y:r become the other layout
    assert made.calls == len(["quantize", "to_image", "conv", "conv", "lookup", "to_rows"])


def test_a_convolution_of_signals_that_are_quantized_while_they_run() -> None:
    """Our own dynamic form of it is a program of integer steps."""
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[2, 1], strides=[2]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Conv", ["r", "v"], ["y"], pads=[1, 1]),
    ]
    constants = {"w": weights(6, 4, 3), "b": weights(6), "v": weights(5, 6, 3)}
    x = weights(2, 4, 21)
    content = file_of(nodes, {"x": ["n", 4, 21]}, {"y": 1}, constants)
    made = quantized(content, x, activations="dynamic")
    graph = made.model.required_graph()
    assert {"ConvInteger", "DynamicQuantizeLinear"} <= {node.op for node in graph.nodes}
    assert refusals(graph, {"x": x.shape}) == ()
    found, expected = both(graph, {"x": x})["y"], native(made.onnx, {"x": x})["y"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_batch_normalization_over_other_channels_is_a_step_of_its_own() -> None:
    names = ["scale", "shift", "mean", "variance"]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["c"]),
        helper.make_node("BatchNormalization", ["c", *names], ["y"]),
    ]
    constants = {"w": weights(6, 3), **{name: weights(3) for name in names}}
    constants["variance"] = np.abs(constants["variance"])
    compared(nodes, {"x": weights(2, 3, 6)}, constants, "FloatProduct Binary Binary")
