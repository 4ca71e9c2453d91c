"""Operators of float32 values as steps of programs: what is fused, computed once, and left to integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from playground.engines.mixed import MixedProgram
from playground.engines.parts import Part
from playground.engines.planned import PlannedModel
from playground.errors import InvalidInputError
from playground.model.graph import Graph
from playground.tasks import run_sync
from tests.engines.qdq_net import Net, by_onnxruntime, floats

Array = np.ndarray[Any, Any]


def planned(net: Net, *names: str, near: float = 1e-5) -> tuple[list[str], list[str], dict[str, Array]]:
    """A net's steps, the operators that NumPy computes, and its outputs, which are those of ONNX Runtime."""
    graph: Graph = net.graph(*names)
    ours, reference = PlannedModel(graph, "wasm"), PlannedModel(graph, "reference")
    made = run_sync(ours.prepare_task(net.inputs))
    found, specified = ours.run(net.inputs), reference.run(net.inputs)
    expected = by_onnxruntime(net, list(names), 17)
    for name in names:
        np.testing.assert_array_equal(found[name], specified[name])
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=near)
    parts = made.parts if isinstance(made, MixedProgram) else [Part(program=made)]
    steps = [type(step).__name__ for part in parts if part.plain for step in part.plain.steps]
    ours.release()
    return steps, [node.op for part in parts for node, _, _ in part.nodes], found


def test_a_clamp_joins_the_sum_before_it() -> None:
    net = Net("int8", x=floats(2, 3, 4, 5), z=floats(3, 1, 1))
    steps, left, found = planned(net.op("Add", "x z", "sum").op("Relu", "sum"), "y")
    assert (steps, left) == (["Binary"], [])
    assert found["y"].min() == 0


def test_a_clamp_of_a_sum_that_others_read_is_a_step_of_its_own() -> None:
    net = Net("int8", x=floats(2, 3), z=floats(2, 3))
    net.op("Add", "x z", "sum").op("Relu", "sum", "positive").op("Mul", "sum positive")
    assert planned(net, "y")[:2] == (["Binary", "Unary", "Binary"], [])


def test_codes_stay_codes_where_floats_read_them_too() -> None:
    net = Net("uint8", x=floats(2, 8), z=floats(2, 8)).pair("x").pair("z")
    net.op("Add", "x:r z", "float").op("Add", "x:r z:r", "sum").pair("sum", -6, 6).op("Mul", "sum:r float")
    # A sum may lie halfway between two codes
    steps, left, _ = planned(net, "y", near=0.3)
    assert left == []
    assert sorted(steps) == sorted(["Quantize", "Quantize", "Lookup", "Binary", "Add", "Lookup", "Binary"])


def test_a_float_that_is_quantized_again_becomes_codes() -> None:
    net = Net("uint8", x=floats(2, 8), z=floats(2, 8))
    steps, left, _ = planned(net.op("Sub", "x z", "d").op("Sigmoid", "d", "s").pair("s", 0, 1).op("Neg", "s:r"), "y")
    assert (steps, left) == (["Binary", "Unary", "Quantize", "Lookup"], [])


def test_a_mask_of_scores_that_stay_floats() -> None:
    net = Net("uint8", x=floats(2, 3, 4)).pair("x")
    net.fixed("mask", np.where(np.arange(12).reshape(3, 4) % 5 == 0, np.float32(-1e9), np.float32(0)))
    steps, left, _ = planned(net.op("Add", "x:r mask", "m").op("Softmax", "m", axis=-1), "y")
    assert (steps, left) == (["Quantize", "Lookup", "Binary", "SoftmaxFloats"], [])


PIXELS = {
    "Softmax": {"axis": 1},
    "LogSoftmax": {"axis": 2},
    "ReduceMax": {"axes": [2, 3]},
    "ReduceMin": {"axes": [1]},
    "ReduceMean": {"axes": [1, 2, 3]},
    "ReduceSum": {"keepdims": 0},
    "GlobalMaxPool": {},
    "GlobalAveragePool": {},
    "Transpose": {"perm": [0, 2, 3, 1]},
    "Tanh": {},
}


@pytest.mark.parametrize("operator", PIXELS)
def test_images_that_lie_in_memory_by_pixels(operator: str) -> None:
    """A pool leaves its result by pixels; what follows takes it so, or has it turned."""
    net = Net("int8", x=floats(2, 5, 7, 6))
    net.op("MaxPool", "x", "pool", kernel_shape=[2, 2]).op(operator, "pool", **PIXELS[operator])
    assert planned(net, "y")[1] == []


@pytest.mark.parametrize("other", [(5, 1, 1), (1, 5, 1, 1), (6, 5), (2, 5, 6, 5), (2, 1, 6, 5), (5,)])
def test_images_that_lie_by_pixels_meet_other_values(other: tuple[int, ...]) -> None:
    net = Net("int8", x=floats(2, 5, 7, 6), z=np.asarray(floats(*other)))
    net.op("AveragePool", "x", "pool", kernel_shape=[2, 2]).op("Mul", "pool z", "m").op("Sub", "z m")
    assert planned(net, "y")[1] == []


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
def test_borders_and_parts_of_images_that_lie_by_pixels(mode: str) -> None:
    net = Net("int8", x=floats(1, 4, 6, 6))
    net.fixed("pads", np.array([0, 0, 2, 1, 0, 0, 1, 3]))
    net.op("MaxPool", "x", "pool", kernel_shape=[2, 2]).op("Pad", "pool pads", "wide", mode=mode)
    net.op("Split", "wide", "a b", axis=1).op("Concat", "b wide a", "c", axis=1)
    assert planned(net.op("Exp", "c"), "y")[1] == []


def test_a_product_with_several_parts_is_computed_once() -> None:
    net = Net("uint8", x=floats(4, 6)).pair("x")
    net.codes("w", floats(6, 8), 1)
    net.op("MatMul", "x:r w:r", "h").op("Split", "h", "a b", axis=1).op("Sigmoid", "a", "s").op("Mul", "s b")
    steps, left, _ = planned(net, "y")
    assert left == []
    assert steps.count("Product") == 1


def test_casts_of_what_is_float32_already_are_nothing_and_of_octets_a_table() -> None:
    net = Net("uint8", x=floats(2, 8)).pair("x")
    net.op("Cast", "x", "same", to=1).op("Cast", "x:r", "real", to=1).op("Cast", "x:q", "codes", to=1)
    steps, left, _ = planned(net.op("Sub", "same real", "d").op("Mul", "d codes"), "y")
    assert left == []
    assert sorted(steps) == ["Binary", "Binary", "Lookup", "Lookup", "Quantize"]


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_scales_of_channels(dtype: str) -> None:
    net = Net(dtype, x=floats(2, 3, 4, 5))
    net.fixed("s", np.float32([0.02, 0.05, 0.01]))
    net.fixed("z", np.array([7, 7, 7], dtype))
    net.op("QuantizeLinear", "x s z", "q", axis=1).op("DequantizeLinear", "q s z", "r", axis=1).op("Neg", "r")
    steps, left, _ = planned(net, "y")
    assert (steps, left) == (["Binary", "Quantize", "Lookup", "Binary", "Binary", "Unary"], [])


def test_images_are_made_larger_by_means() -> None:
    net = Net("int8", x=floats(2, 3, 4, 5))
    net.fixed("scales", np.float32([1, 1, 2, 1.5]))
    steps, left, _ = planned(net.op("Resize", "x  scales", mode="linear").op("Neg", "y", "n"), "n")
    assert (steps, left) == (["ResizeLinear", "Unary"], [])


def test_the_largest_of_a_function_that_falls_is_found_among_floats() -> None:
    net = Net("uint8", x=floats(2, 3, 6, 7)).pair("x").op("Neg", "x:r", "n")
    steps, left, _ = planned(net.op("MaxPool", "n", kernel_shape=[2, 2]), "y")
    assert (steps, left) == (["Quantize", "Lookup", "FloatPool"], [])


def test_limits_that_are_computed() -> None:
    net = Net("int8", x=floats(4, 5), low=np.float32([-0.5]), high=np.float32([0.25]))
    net.op("Squeeze", "low", "l").op("Squeeze", "high", "h")
    steps, left, found = planned(net.op("Clip", "x l h"), "y")
    assert (steps, left) == (["Reshape", "Reshape", "Binary", "Binary"], [])
    assert (found["y"].min(), found["y"].max()) == (-0.5, 0.25)


def test_conditions_are_octets_between_floats() -> None:
    net = Net("int8", x=floats(2, 5, 7, 6), z=floats(5, 1, 1))
    net.op("MaxPool", "x", "pool", kernel_shape=[2, 2]).op("Greater", "pool z", "more").op("Not", "more", "less")
    net.op("Where", "less pool z", "w").op("Cast", "less", "one", to=1).op("Add", "w one")
    steps, left, _ = planned(net, "y")
    assert (steps, left) == (["FloatPool", "Compare", "Lookup", "Choice", "Lookup", "Binary"], [])


@pytest.mark.parametrize("order", ["x s", "s x"])
def test_a_value_times_its_sigmoid_is_one_step_with_the_same_bits(order: str) -> None:
    net = Net("int8", x=4 * floats(3, 50)).op("Sigmoid", "x", "s")
    both = Net("int8", **net.inputs).op("Sigmoid", "x", "s").op("Mul", "x s", "m").op("Identity", "s")
    steps, left, found = planned(net.op("Mul", order), "y")
    assert (steps, left) == (["Unary"], [])
    apart, _, gates = planned(both, "m", "y")
    assert sorted(apart) == ["Unary", "Unary"]
    np.testing.assert_array_equal(found["y"], net.inputs["x"] * gates["y"])


@pytest.mark.parametrize(
    ("operator", "attributes"), [("InstanceNormalization", {}), ("GroupNormalization", {"num_groups": 1})]
)
def test_a_computed_parameter_that_does_not_fit_the_channels_is_refused_by_both_engines(
    operator: str, attributes: dict[str, int]
) -> None:
    net = Net("int8", x=floats(1, 1, 5, 6), g=floats(1)).op(operator, "x g x", **attributes)
    for engine in ("wasm", "reference"):
        model = PlannedModel(net.graph("y"), engine)
        with pytest.raises(InvalidInputError, match="do not fit"):
            model.run(net.inputs)
        model.release()
