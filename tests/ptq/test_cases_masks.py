"""Masks and other sentinels never enter a range, whatever stands between them and Softmax."""

from typing import Any

import numpy as np
import pytest

from tests.ptq.cases import MODES, STATIC, Case, Random, decibels, node

N, LENGTH, SIZE = 32, 6, 8
LOWEST = float(np.finfo(np.float32).min)
LOWS = [LOWEST, -np.inf, -1e9, -1e4]


def keep() -> np.ndarray:
    """1 where a token is: the first two to five."""
    kept = np.ones((N, LENGTH), np.int64)
    for i in range(N):
        kept[i, 2 + i % 4 :] = 0
    return kept


def attention(masking: list[Any], held: dict[str, Any], data: dict[str, Any], scores: str = "s") -> Case:
    """Attention whose scores are made by ``masking``, from s to t."""
    made = Random()
    nodes = [
        *(node("MatMul", ["x", name.upper()], [name]) for name in "qkv"),
        node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
        node("MatMul", ["q", "kt"], ["s0"]),
        node("Mul", ["s0", "c"], [scores]),
        *masking,
        node("Softmax", ["t"], ["p"], axis=-1),
        node("MatMul", ["p", "v"], ["y"]),
    ]
    weights = {name: made.weights(SIZE, SIZE) for name in "QKV"}
    return Case(nodes, {**weights, "c": np.float32(8**-0.5), **held}, {"x": made.normal(N, LENGTH, SIZE), **data})


def of_ids(low: float) -> Case:
    """(1 - mask) * low, as in BERT."""
    masking = [
        node("Cast", ["mask"], ["mf"], to=1),
        node("Sub", ["one", "mf"], ["m1"]),
        node("Mul", ["m1", "low"], ["m2"]),
        node("Unsqueeze", ["m2", "ax"], ["m3"]),
        node("Add", ["s", "m3"], ["t"]),
    ]
    held = {"one": np.float32(1), "low": np.float32(low), "ax": np.int64([1])}
    return attention(masking, held, {"mask": keep()})


@pytest.mark.parametrize("mode", MODES)
def test_a_mask_of_the_lowest_number(mode: str) -> None:
    assert of_ids(LOWEST).sqnr(MODES[mode]) >= 30


WAYS: dict[str, list[Any]] = {
    "where": [
        node("Cast", ["mask"], ["b"], to=9),
        node("Unsqueeze", ["b", "ax"], ["b3"]),
        node("Where", ["b3", "s", "low"], ["t"]),
    ],
    "where of a mask": [
        node("Cast", ["mask"], ["b"], to=9),
        node("Where", ["b", "zero", "low"], ["m"]),
        node("Unsqueeze", ["m", "ax"], ["m3"]),
        node("Expand", ["m3", "full"], ["m4"]),
        node("Add", ["m4", "s"], ["t"]),
    ],
    "reshape": [
        node("Cast", ["mask"], ["b"], to=9),
        node("Where", ["b", "zero", "low"], ["m"]),
        node("Unsqueeze", ["m", "ax"], ["m3"]),
        node("Add", ["s", "m3"], ["u"]),
        node("Reshape", ["u", "flat"], ["r"]),
        node("Reshape", ["r", "back"], ["t"]),
    ],
    "max": [
        node("Cast", ["mask"], ["b"], to=9),
        node("Where", ["b", "zero", "low"], ["m"]),
        node("Unsqueeze", ["m", "ax"], ["m3"]),
        node("Add", ["s", "m3"], ["u"]),
        node("Max", ["u", "low"], ["t"]),
    ],
    "sub": [
        node("Cast", ["mask"], ["mf"], to=1),
        node("Sub", ["one", "mf"], ["m1"]),
        node("Mul", ["m1", "high"], ["m2"]),
        node("Unsqueeze", ["m2", "ax"], ["m3"]),
        node("Sub", ["s", "m3"], ["t"]),
    ],
    "div": [
        node("Cast", ["mask"], ["mf"], to=1),
        node("Sub", ["mf", "one"], ["m1"]),
        node("Div", ["m1", "tiny"], ["m2"]),
        node("Unsqueeze", ["m2", "ax"], ["m3"]),
        node("Add", ["s", "m3"], ["t"]),
    ],
    "transpose": [
        node("Cast", ["mask"], ["b"], to=9),
        node("Where", ["b", "zero", "low"], ["m"]),
        node("Unsqueeze", ["m", "last"], ["m3"]),
        node("Transpose", ["m3"], ["m4"], perm=[0, 2, 1]),
        node("Add", ["s", "m4"], ["t"]),
    ],
    "log": [
        node("Cast", ["mask"], ["mf"], to=1),
        node("Add", ["mf", "little"], ["m1"]),
        node("Log", ["m1"], ["m2"]),
        node("Mul", ["m2", "hundred"], ["m3"]),
        node("Unsqueeze", ["m3", "ax"], ["m4"]),
        node("Add", ["s", "m4"], ["t"]),
    ],
    "twice": [
        node("Cast", ["mask"], ["b"], to=9),
        node("Unsqueeze", ["b", "ax"], ["b3"]),
        node("Where", ["b3", "s", "low"], ["u"]),
        node("Mul", ["u", "half"], ["h"]),
        node("Where", ["b3", "h", "low"], ["t"]),
    ],
    "filled": [
        node("Cast", ["mask"], ["b"], to=9),
        node("Shape", ["s"], ["sh"]),
        node("Expand", ["low", "sh"], ["f"]),
        node("Unsqueeze", ["b", "ax"], ["b3"]),
        node("Where", ["b3", "s", "f"], ["t"]),
    ],
}
"""How a mask of ids gets into the scores."""


@pytest.mark.parametrize("low", LOWS)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_a_mask(way: str, low: float) -> None:
    held = {
        "low": np.float32(low),
        "high": np.float32(-max(low, -1e30)),
        "tiny": np.float32(1 / -max(low, -1e30)),
        "zero": np.float32(0),
        "one": np.float32(1),
        "half": np.float32(0.5),
        "little": np.float32(1e-30),
        "hundred": np.float32(100),
        "ax": np.int64([1]),
        "last": np.int64([2]),
        "full": np.int64([1, LENGTH, 1]),
        "flat": np.int64([-1, LENGTH]),
        "back": np.int64([-1, LENGTH, LENGTH]),
    }
    assert attention(WAYS[way], held, {"mask": keep()}).sqnr() >= 30


@pytest.mark.parametrize("mode", STATIC)
@pytest.mark.parametrize("low", LOWS)
def test_masks_that_are_inputs(low: float, mode: str) -> None:
    mask = np.where(keep()[:, None, :] == 1, np.float32(0), np.float32(low)).astype(np.float32)
    case = attention([node("Add", ["s", "mask"], ["t"])], {}, {"mask": mask})
    assert case.sqnr(STATIC[mode]) >= 30


@pytest.mark.parametrize("low", LOWS)
@pytest.mark.parametrize("kind", ["add", "where", "where not"])
def test_masks_that_are_constants(kind: str, low: float) -> None:
    """Causal attention: what may be seen is known beforehand."""
    sees = np.tril(np.ones((LENGTH, LENGTH), bool))
    mask = np.where(sees, np.float32(0), np.float32(low)).astype(np.float32)
    masking, held = {
        "add": (node("Add", ["mask", "s"], ["t"]), {"mask": mask}),
        "where": (node("Where", ["sees", "s", "low"], ["t"]), {"sees": sees, "low": np.float32(low)}),
        "where not": (node("Where", ["sees", "low", "s"], ["t"]), {"sees": ~sees, "low": np.float32(low)}),
    }[kind]
    case = attention([masking], held, {})
    assert case.sqnr() >= 30
    if low > -np.inf:
        from playground.engines.run import run

        made = case.quantized()
        assert decibels(case.run(made.onnx), run(made.onnx, case.data, "wasm")) > 30


@pytest.mark.parametrize("low", LOWS)
def test_a_softmax_that_is_written_out(low: float) -> None:
    nodes = [
        node("Cast", ["mask"], ["b"], to=9),
        node("Unsqueeze", ["b", "ax"], ["b3"]),
        node("Where", ["b3", "s", "low"], ["u"]),
        node("ReduceMax", ["u"], ["most"], axes=[-1]),
        node("Sub", ["u", "most"], ["d"]),
        node("Exp", ["d"], ["e"]),
        node("ReduceSum", ["e", "last"], ["sum"]),
        node("Div", ["e", "sum"], ["w"]),
        node("Mul", ["w", "four"], ["t"]),
    ]
    held = {"four": np.float32(4), "low": np.float32(low), "ax": np.int64([1]), "last": np.int64([-1])}
    assert attention(nodes, held, {"mask": keep()}).sqnr() >= 28


@pytest.mark.parametrize("low", LOWS)
def test_the_largest_of_what_is_not_masked(low: float) -> None:
    """Tokens are masked before the largest is taken: no range holds the sentinel."""
    made = Random()
    nodes = [
        node("MatMul", ["x", "W"], ["h"]),
        node("Cast", ["mask"], ["b"], to=9),
        node("Unsqueeze", ["b", "ax"], ["b3"]),
        node("Where", ["b3", "h", "low"], ["u"]),
        node("ReduceMax", ["u"], ["m"], axes=[1], keepdims=0),
        node("MatMul", ["m", "V"], ["y"]),
    ]
    held = {"W": made.weights(SIZE, SIZE), "V": made.weights(SIZE, SIZE), "low": np.float32(low), "ax": np.int64([2])}
    assert Case(nodes, held, {"x": made.normal(N, LENGTH, SIZE), "mask": keep()}).sqnr() >= 34
