"""Products of float32 are steps of programs: kernels equal NumPy's specification in bits, and ONNX Runtime nearly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from onnx import helper

from playground.engines.mixed import MixedProgram
from playground.engines.planned import PlannedModel
from playground.engines.wasm import WasmProgram
from playground.opening import load
from playground.tasks import run_sync
from tests.engines.test_mixed import both, file_of, native

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(8)

NEAR = 1e-5
"""Of the largest result: what float32 makes of sums of up to a few hundred products in another order."""


def weights(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


def steps_of(content: bytes, feeds: dict[str, Array]) -> list[str]:
    """The steps of a graph's programs, none of its nodes being left to NumPy."""
    model = PlannedModel(load(content, "net.onnx").required_graph(), "wasm")
    made = run_sync(model.prepare_task(feeds))
    assert isinstance(made, MixedProgram)
    assert made.left == 0
    programs = [part.program for part in made.parts]
    assert all(isinstance(program, WasmProgram) for program in programs)
    return [type(step).__name__ for part in made.parts if part.plain for step in part.plain.steps]


def compared(
    nodes: list[Any], feeds: dict[str, Array], constants: dict[str, Array], steps: str, near: float = NEAR
) -> Array:
    """Run a graph of the output y: its steps, bits of the kernels, and ONNX Runtime's result."""
    inputs = {name: [f"{name}0", *array.shape[1:]] for name, array in feeds.items()}
    content = file_of(nodes, inputs, {"y": 1}, constants)
    assert steps_of(content, feeds) == steps.split()
    found = both(load(content, "net.onnx").required_graph(), feeds)["y"]
    expected = native(content, feeds)["y"]
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=near * max(1.0, float(np.abs(expected).max())))
    return found


@pytest.mark.parametrize("shape", [(5, 7), (1, 7), (2, 3, 7), (2, 1, 4, 7)], ids=str)
def test_rows_times_a_constant_matrix(shape: tuple[int, ...]) -> None:
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    compared([node], {"x": weights(*shape)}, {"w": weights(7, 11)}, "FloatProduct")


@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 5, 7), (2, 7, 4)), ((3, 2, 4, 9), (3, 2, 9, 5)), ((4, 3, 6), (1, 6, 8)), ((1, 5, 6), (3, 6, 2))],
    ids=str,
)
def test_products_of_two_values(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    node = helper.make_node("MatMul", ["a", "b"], ["y"])
    compared([node], {"a": weights(*left), "b": weights(*right)}, {}, "FloatMatMul")


def test_a_constant_on_the_left() -> None:
    node = helper.make_node("MatMul", ["w", "x"], ["y"])
    compared([node], {"x": weights(2, 6, 9)}, {"w": weights(4, 6)}, "FloatMatMul")


@pytest.mark.parametrize("bias", [None, (11,), (1, 11), (1,), ()], ids=str)
@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("constant", [True, False])
def test_gemm(bias: tuple[int, ...] | None, transposed: int, constant: bool) -> None:
    attributes = {"transB": transposed, "alpha": 0.7, "beta": 1.5}
    names = ["x", "w", *([] if bias is None else ["b"])]
    node = helper.make_node("Gemm", names, ["y"], **attributes)
    w = weights(11, 7) if transposed else weights(7, 11)
    constants = {} if bias is None else {"b": weights(*bias) if bias else np.float32(0.3) * np.ones((), np.float32)}
    feeds = {"x": weights(5, 7)}
    if constant:
        compared([node], feeds, {**constants, "w": w}, "FloatProduct")
    else:
        compared([node], {**feeds, "w": w}, constants, "View FloatMatMul" if transposed else "FloatMatMul")


def test_a_bias_limits_and_a_factor_need_no_steps() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["p"]),
        helper.make_node("Add", ["p", "b"], ["s"]),
        helper.make_node("Div", ["s", "root"], ["d"]),
        helper.make_node("Relu", ["d"], ["r"]),
        helper.make_node("MatMul", ["r", "v"], ["q"]),
        helper.make_node("Clip", ["q", "lo", "hi"], ["y"]),
    ]
    constants = {
        **{"w": weights(8, 12), "v": weights(12, 5), "b": weights(12), "root": np.float32(math.sqrt(8))},
        **{"lo": np.float32(-1), "hi": np.float32(2)},
    }
    constants = {name: np.asarray(array) for name, array in constants.items()}
    compared(nodes, {"x": weights(6, 8)}, constants, "FloatProduct FloatProduct")


def test_a_product_that_several_nodes_read_is_computed_once() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["p"]),
        helper.make_node("Relu", ["p"], ["r"]),
        helper.make_node("Add", ["p", "r"], ["y"]),
    ]
    compared(nodes, {"x": weights(6, 8)}, {"w": weights(8, 12)}, "FloatProduct Unary Binary")


def test_infinities_and_nan_flow_on() -> None:
    x = np.ones((4, 8), np.float32)
    x[1, 5], x[2, 6], x[3, :2] = np.nan, np.inf, (np.inf, -np.inf)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["p"]), helper.make_node("Relu", ["p"], ["y"])]
    content = file_of(nodes, {"x": ["n", 8]}, {"y": 1}, {"w": np.ones((8, 3), np.float32)})
    found = both(load(content, "net.onnx").required_graph(), {"x": x})["y"]
    np.testing.assert_array_equal(found[:, 0], np.float32([8, np.nan, np.inf, np.nan]))


def test_codes_meet_float_weights_as_what_they_stand_for() -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("MatMul", ["d", "w"], ["p"]),
        helper.make_node("QuantizeLinear", ["p", "t", "z"], ["pq"]),
        helper.make_node("DequantizeLinear", ["pq", "t", "z"], ["y"]),
    ]
    constants = {"s": np.array(0.03, np.float32), "t": np.array(0.1, np.float32), "z": np.array(128, np.uint8)}
    x = weights(6, 8)
    compared(nodes, {"x": x}, {**constants, "w": weights(8, 12)}, "Quantize Lookup FloatProduct Quantize Lookup", 0.11)
