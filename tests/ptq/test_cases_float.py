"""Values over decades stay in float, and what stands between them: exponentials, quotients, norms written out."""

from typing import Any

import numpy as np
import pytest

from playground.engines.run import refused
from playground.model.recipe import Recipe
from tests.ptq.cases import MODES, STATIC, Case, Random, node

LAST = {"ax": np.int64([-1]), "eps": np.float32(1e-5), "two": np.float32(2), "one": np.float32(1)}


def decades(n: int, size: int) -> np.ndarray:
    made = Random(3)
    return (made.normal(n, size) * 10.0 ** made.rng.uniform(-3, 1, (n, 1))).astype(np.float32)


def exp_over_sum() -> Case:
    nodes = [
        node("MatMul", ["x", "w"], ["h"]),
        node("Exp", ["h"], ["e"]),
        node("ReduceSum", ["e", "ax"], ["s"], keepdims=1),
        node("Div", ["e", "s"], ["y"]),
    ]
    return Case(nodes, {"w": Random().weights(16, 16), "ax": LAST["ax"]}, {"x": decades(64, 16)})


@pytest.mark.parametrize("mode", MODES)
def test_exponentials_over_their_sum(mode: str) -> None:
    assert exp_over_sum().sqnr(MODES[mode]) >= 28


def test_they_are_quantized_where_the_recipe_names_them() -> None:
    made = exp_over_sum().quantized(Recipe(operators=("MatMul", "Exp", "Div")))
    assert {"h", "e", "y"} <= {activation.name for activation in made.report.activations}
    default = exp_over_sum().quantized()
    assert {activation.name for activation in default.report.activations} == {"x"}
    assert default.report.float_operators == {"Exp": 1, "ReduceSum": 1, "Div": 1}


TAILS: dict[str, list[Any]] = {
    "log": [node("Abs", ["h"], ["a"]), node("Add", ["a", "eps"], ["b"]), node("Log", ["b"], ["y"])],
    "reciprocal": [node("Abs", ["h"], ["a"]), node("Add", ["a", "one"], ["b"]), node("Reciprocal", ["b"], ["y"])],
    "power": [node("Pow", ["h", "two"], ["y"])],
    "root": [node("Abs", ["h"], ["a"]), node("Sqrt", ["a"], ["y"])],
    "unit length": [
        node("Mul", ["h", "h"], ["q"]),
        node("ReduceSum", ["q", "ax"], ["s"], keepdims=1),
        node("Add", ["s", "eps"], ["t"]),
        node("Sqrt", ["t"], ["r"]),
        node("Div", ["h", "r"], ["y"]),
    ],
    "softmax": [
        node("ReduceMax", ["h"], ["m"], axes=[-1], keepdims=1),
        node("Sub", ["h", "m"], ["d"]),
        node("Exp", ["d"], ["e"]),
        node("ReduceSum", ["e", "ax"], ["s"], keepdims=1),
        node("Div", ["e", "s"], ["y"]),
    ],
}
"""What follows a product h."""


@pytest.mark.parametrize("mode", STATIC)
@pytest.mark.parametrize("tail", TAILS)
def test_what_follows_a_product_reads_its_sums(tail: str, mode: str) -> None:
    case = Case(
        [node("MatMul", ["x", "w"], ["h"]), *TAILS[tail]],
        {"w": Random().weights(16, 16), **LAST},
        {"x": Random(1).normal(64, 16)},
    )
    made = case.quantized(STATIC[mode])
    assert [activation.name for activation in made.report.activations] == ["x"]
    assert case.sqnr(STATIC[mode]) >= (16 if tail == "log" else 22)


NORM = [
    node("ReduceMean", ["r"], ["mean"], axes=[-1]),
    node("Sub", ["r", "mean"], ["d"]),
    node("Pow", ["d", "two"], ["q"]),
    node("ReduceMean", ["q"], ["v"], axes=[-1]),
    node("Add", ["v", "eps"], ["ve"]),
    node("Sqrt", ["ve"], ["sd"]),
    node("Div", ["d", "sd"], ["n"]),
    node("Mul", ["n", "g"], ["ng"]),
    node("Add", ["ng", "b"], ["z"]),
]


def test_a_normalization_that_is_written_out_is_not_touched() -> None:
    """Its integer form in our engines is found where nothing stands in between; in ONNX Runtime it is one operator."""
    made = Random()
    nodes = [
        node("MatMul", ["x", "w"], ["h"]),
        node("Add", ["h", "x"], ["r"]),
        *NORM,
        node("MatMul", ["z", "u"], ["y"]),
    ]
    held = {"w": made.weights(16, 16), "u": made.weights(16, 16), "g": made.normal(16), "b": made.normal(16), **LAST}
    case = Case(nodes, held, {"x": made.normal(64, 16) * np.float32(20)})
    assert [activation.name for activation in case.quantized().report.activations] == ["x", "z", "y"]
    assert case.sqnr() >= 36


def test_functions_of_one_value_are_quantized_before_and_after() -> None:
    """GELU by its tanh, in which a power stands; SiLU by a quotient spreads, so it stays in float."""
    cubic = [
        node("Pow", ["h", "three"], ["p"]),
        node("Mul", ["p", "k"], ["pk"]),
        node("Add", ["h", "pk"], ["i"]),
        node("Mul", ["i", "root"], ["ir"]),
        node("Tanh", ["ir"], ["t"]),
        node("Add", ["t", "one"], ["t1"]),
        node("Mul", ["h", "t1"], ["ht"]),
        node("Mul", ["ht", "half"], ["z"]),
    ]
    numbers = {"three": 3, "k": 0.044715, "root": 0.7978845608, "one": 1, "half": 0.5}
    made = Random()
    held = {"w": made.weights(16, 16), "u": made.weights(16, 16), **{n: np.float32(v) for n, v in numbers.items()}}
    nodes = [node("MatMul", ["x", "w"], ["h"]), *cubic, node("MatMul", ["z", "u"], ["y"])]
    case = Case(nodes, held, {"x": made.normal(64, 16)})
    quantized = case.quantized()
    assert [activation.name for activation in quantized.report.activations] == ["x", "h", "z", "y"]
    assert quantized.model.graph is not None
    assert refused(quantized.model.graph) == []
    assert case.sqnr() >= 30
    silu = [
        node("Neg", ["h"], ["n"]),
        node("Exp", ["n"], ["e"]),
        node("Add", ["e", "one"], ["e1"]),
        node("Div", ["h", "e1"], ["z"]),
    ]
    case = Case([nodes[0], *silu, nodes[-1]], held, {"x": made.normal(64, 16)})
    assert [activation.name for activation in case.quantized().report.activations] == ["x", "z", "y"]
    assert case.sqnr() >= 33


def test_hard_swish_over_six_is_quantized() -> None:
    """A quotient by a constant is a product."""
    made = Random()
    nodes = [
        node("Conv", ["x", "w"], ["c"]),
        node("Add", ["c", "three"], ["a"]),
        node("Clip", ["a", "zero", "six"], ["k"]),
        node("Mul", ["c", "k"], ["m"]),
        node("Div", ["m", "six"], ["z"]),
        node("Conv", ["z", "u"], ["y"]),
    ]
    held = {"w": made.weights(4, 3, 3, 3), "u": made.weights(4, 4, 3, 3)}
    held |= {name: np.float32(value) for name, value in (("zero", 0), ("three", 3), ("six", 6))}
    case = Case(nodes, held, {"x": made.normal(32, 3, 8, 8)})
    assert case.quantized().report.float_operators == {}
    assert case.sqnr() >= 30


def test_a_residual_sum_of_convolutions_is_quantized() -> None:
    made = Random()
    nodes = [
        node("Conv", ["x", "w"], ["c"], pads=[1] * 4),
        node("Relu", ["c"], ["r"]),
        node("Conv", ["r", "u"], ["d"], pads=[1] * 4),
        node("Add", ["r", "d"], ["a"]),
        node("Concat", ["a", "r"], ["j"], axis=1),
        node("MaxPool", ["j"], ["p"], kernel_shape=[2, 2]),
        node("Conv", ["p", "v"], ["y"]),
    ]
    held = {"w": made.weights(4, 3, 3, 3), "u": made.weights(4, 4, 3, 3), "v": made.weights(4, 8, 3, 3)}
    case = Case(nodes, held, {"x": made.normal(32, 3, 8, 8)})
    assert case.quantized().report.float_operators == {}
    assert case.sqnr() >= 30
