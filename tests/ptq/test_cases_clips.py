"""Relu and Clip vanish only where the codes of what they follow clip exactly as they do."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from playground.model.recipe import Override, Recipe
from playground.quantization import Scheme
from tests.ptq.cases import MODES, STATIC, Case, Random, decibels, node

LIMITS = [
    (0.5, 6),
    (-6, -0.5),
    (0, 6),
    (-1, 1),
    (-0.25, 3),
    (0.3, 0.3),
    (2, 1),
    (-np.inf, 0.5),
    (0.2, np.inf),
    (0, 0.1),
]


def clipped(lo: float, hi: float, *, product: str = "Conv", outputs: tuple[str, ...] = ("y",)) -> Case:
    made = Random()
    held = {name: np.float32(limit) for name, limit in (("lo", lo), ("hi", hi)) if np.isfinite(limit)}
    limits = [name if name in held else "" for name in ("lo", "hi")]
    if product == "Conv":
        held |= {"w": made.weights(4, 3, 3, 3), "b": made.weights(4)}
        x = made.normal(32, 3, 8, 8)
    else:
        held |= {"w": made.weights(16, 4), "b": made.weights(4)}
        x = made.normal(64, 16)
    return Case([node(product, ["x", "w", "b"], ["c"]), node("Clip", ["c", *limits], ["y"])], held, {"x": x}, outputs)


@pytest.mark.parametrize("mode", MODES)
def test_a_clip_above_zero(mode: str) -> None:
    assert clipped(0.5, 6).sqnr(MODES[mode]) >= 40


@pytest.mark.parametrize("product", ["Conv", "Gemm"])
@pytest.mark.parametrize("limits", LIMITS)
def test_clips_of_every_kind(limits: tuple[float, float], product: str) -> None:
    assert clipped(*limits, product=product).sqnr() >= (30 if limits == (0, 0.1) else 36)


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize(
    "scheme",
    [
        Scheme("int8", symmetric=False),
        Scheme("int8"),
        Scheme("uint8", symmetric=False, calibrator="percentile", calibrator_args=(("percentile", 99.9),)),
    ],
    ids=["int8", "symmetric", "percentile"],
)
def test_clips_under_other_schemes(limits: tuple[float, float], scheme: Scheme) -> None:
    case = clipped(*limits)
    kept = case.sqnr(Recipe(activation_scheme=scheme))
    assert kept >= 27, "a cut-off of 0.1 % of the values, or half a bit less than 8"


@pytest.mark.parametrize("range_", [(-2.0, 6.0), (-1.0, 1.0)])
def test_a_range_that_the_recipe_fixes_keeps_what_it_does_not_clip(range_: tuple[float, float]) -> None:
    """With a range below zero the codes hold negative values, which Relu never gives."""
    made = Random()
    nodes = [node("Conv", ["x", "w"], ["c"]), node("Relu", ["c"], ["y"])]
    case = Case(nodes, {"w": made.weights(4, 3, 3, 3, by=0.5)}, {"x": made.normal(16, 3, 8, 8)})
    recipe = Recipe(overrides=(Override("y", range=range_),))
    assert case.run(case.quantized(recipe).onnx)["y"].min() == 0
    assert decibels(case.run(case.file), case.run(case.quantized(recipe).onnx)) > 15


@pytest.mark.parametrize("limits", [(0, 6), (0, 3), (-1, 1)])
@pytest.mark.parametrize("zero_point", [0, 128])
def test_scales_that_are_powers_of_two(limits: tuple[float, float], zero_point: int) -> None:
    """Their codes reach beyond the limits."""
    case = clipped(*limits)
    found = case.run(case.quantized(Recipe(overrides=(Override("y", scale=(2**-5,), zero_point=(zero_point,)),))).onnx)
    assert limits[0] <= found["y"].min() <= found["y"].max() <= limits[1]


def test_a_relu_vanishes_where_zero_is_the_lowest_code() -> None:
    made = Random()
    nodes = [node("Conv", ["x", "w"], ["c"], "conv"), node("Relu", ["c"], ["y"], "relu")]
    case = Case(nodes, {"w": made.weights(4, 3, 3, 3)}, {"x": made.normal(16, 3, 8, 8)})
    for scheme in (Scheme("uint8", symmetric=False), Scheme("int8", symmetric=False)):
        graph = case.quantized(Recipe(activation_scheme=scheme)).model.graph
        assert graph is not None
        assert "relu" not in {n.name for n in graph.nodes}


@pytest.mark.parametrize("outputs", [("y", "c"), ("c",)])
def test_what_is_clipped_may_also_be_an_output(outputs: tuple[str, ...]) -> None:
    assert clipped(0, 1, outputs=outputs).sqnr() >= 35


@pytest.mark.parametrize("mode", STATIC)
def test_what_is_clipped_may_be_read_by_others_and_by_branches(mode: str) -> None:
    made = Random()
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("u", "v")]
    yes = helper.make_graph([node("Neg", ["c"], ["u"])], "yes", [], ends[:1])
    no = helper.make_graph([node("Abs", ["c"], ["v"])], "no", [], ends[1:])
    nodes = [
        node("Conv", ["x", "w"], ["c"]),
        node("Relu", ["c"], ["r"]),
        node("ReduceMax", ["x"], ["m"], keepdims=0),
        node("Greater", ["m", "zero"], ["is"]),
        node("If", ["is"], ["i"], then_branch=yes, else_branch=no),
        node("Add", ["r", "i"], ["y"]),
    ]
    held = {"w": made.weights(4, 3, 3, 3), "zero": np.float32(0)}
    case = Case(nodes, held, {"x": made.normal(16, 3, 8, 8)})
    assert decibels(case.run(case.file), case.run(case.quantized(STATIC[mode]).onnx)) >= 35


@pytest.mark.parametrize("mode", STATIC)
def test_what_only_branches_read_is_clipped_all_the_same(mode: str) -> None:
    made = Random()
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("u", "v")]
    yes = helper.make_graph([node("Neg", ["r"], ["u"])], "yes", [], ends[:1])
    no = helper.make_graph([node("Identity", ["r"], ["v"])], "no", [], ends[1:])
    nodes = [
        node("Conv", ["x", "w"], ["c"]),
        node("Clip", ["c", "lo", "hi"], ["r"]),
        node("ReduceMax", ["x"], ["m"], keepdims=0),
        node("Greater", ["m", "lo"], ["is"]),
        node("If", ["is"], ["y"], then_branch=yes, else_branch=no),
    ]
    held = {"w": made.weights(4, 3, 3, 3), "lo": np.float32(0), "hi": np.float32(0.5)}
    case = Case(nodes, held, {"x": made.normal(16, 3, 8, 8)})
    assert decibels(case.run(case.file), case.run(case.quantized(STATIC[mode]).onnx)) >= 30


def test_limits_that_are_computed_are_kept() -> None:
    made = Random()
    nodes = [
        node("Conv", ["x", "w"], ["c"]),
        node("ReduceMean", ["x"], ["lo"], keepdims=0),
        node("Clip", ["c", "lo"], ["y"]),
    ]
    case = Case(nodes, {"w": made.weights(4, 3, 3, 3)}, {"x": made.normal(16, 3, 8, 8) + np.float32(0.3)})
    assert case.sqnr() >= 35
