"""Constants that several nodes read, each in its own way; embeddings; and parts that one scale cannot hold."""

from typing import Any

import numpy as np
import onnx
import pytest

from playground.model.recipe import Recipe
from playground.quantization import Scheme
from tests.ptq.cases import MODES, STATIC, Case, Random, decibels, node


def spread(made: Random, rows: int, columns: int) -> np.ndarray:
    """Weights whose rows differ tenfold."""
    return made.weights(rows, columns) * (1 + 9 * made.uniform(rows, 1))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("by", [1, 20, 0.05])
def test_one_bias_of_two_products(by: float, mode: str) -> None:
    made = Random()
    nodes = [node("Gemm", ["x", "A", "b"], ["h"]), node("Gemm", ["h", "B", "b"], ["y"])]
    held = {"A": made.weights(8, 8), "B": made.weights(8, 8, by=by), "b": made.weights(8, by=2)}
    assert Case(nodes, held, {"x": made.normal(32, 8)}).sqnr(MODES[mode]) >= 38


@pytest.mark.parametrize("mode", MODES)
def test_a_bias_that_is_read_elsewhere(mode: str) -> None:
    made = Random()
    nodes = [
        node("Gemm", ["x", "A", "b"], ["h"]),
        node("Add", ["h", "b"], ["i"]),
        node("Mul", ["i", "b"], ["j"]),
        node("Conv", ["z", "W", "b"], ["c"]),
        node("GlobalAveragePool", ["c"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Add", ["j", "f"], ["y"]),
    ]
    held = {"A": made.weights(8, 8), "W": made.weights(8, 3, 3, 3), "b": made.weights(8, by=2)}
    data = {"x": made.normal(32, 8), "z": made.normal(32, 3, 6, 6)}
    assert Case(nodes, held, data).sqnr(MODES[mode]) >= 33


@pytest.mark.parametrize("mode", MODES)
def test_one_weight_along_two_axes(mode: str) -> None:
    made = Random()
    nodes = [
        node("Gemm", ["x", "S"], ["h"], transB=1),
        node("Relu", ["h"], ["p"]),
        node("MatMul", ["p", "S"], ["y"]),
    ]
    assert Case(nodes, {"S": spread(made, 8, 8)}, {"x": made.normal(32, 8)}).sqnr(MODES[mode]) >= 35


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("rows", "columns"), [(8, 24), (24, 8), (3, 40)])
def test_an_autoencoder_with_one_weight(rows: int, columns: int, mode: str) -> None:
    """There and back by the same matrix, which is not square: columns -> rows -> columns -> rows."""
    made = Random()
    nodes = [
        node("Gemm", ["x", "S"], ["h"], transB=1),
        node("Relu", ["h"], ["p"]),
        node("MatMul", ["p", "S"], ["q"]),
        node("Gemm", ["q", "S", "b"], ["y"], transB=1),
    ]
    held = {"S": spread(made, rows, columns), "b": made.normal(rows)}
    assert Case(nodes, held, {"x": made.normal(64, columns)}).sqnr(MODES[mode]) >= 33


@pytest.mark.parametrize("mode", MODES)
def test_filters_of_a_convolution_and_of_a_transposed_one(mode: str) -> None:
    made = Random()
    nodes = [node("Conv", ["x", "W"], ["h"]), node("Relu", ["h"], ["p"]), node("ConvTranspose", ["p", "W"], ["y"])]
    held = {"W": made.weights(6, 3, 3, 3) * (1 + 4 * made.uniform(6, 1, 1, 1))}
    assert Case(nodes, held, {"x": made.normal(16, 3, 8, 8)}).sqnr(MODES[mode]) >= 33


@pytest.mark.parametrize("mode", MODES)
def test_filters_that_are_used_twice(mode: str) -> None:
    made = Random()
    nodes = [
        node("Conv", ["x", "W"], ["h"], pads=[1] * 4),
        node("Relu", ["h"], ["p"]),
        node("Conv", ["p", "W"], ["y"], pads=[1] * 4),
    ]
    held = {"W": made.weights(4, 4, 3, 3) * 10 ** made.rng.uniform(-1, 1, (4, 1, 1, 1)).astype(np.float32)}
    assert Case(nodes, held, {"x": made.normal(16, 4, 8, 8)}).sqnr(MODES[mode]) >= 33


def tied(first: str, wide: bool = False) -> Case:
    """A language model whose embedding is also its last weight; ``first``: which of them the graph has first."""
    made = Random()
    table = spread(made, 600 if wide else 40, 16)
    rows = [
        node("Gather", ["E", "ids"], ["e"]),
        node("MatMul", ["e", "W"], ["h"]),
        node("ReduceMean", ["h"], ["m"], axes=[1], keepdims=0),
    ]
    last = [node("Gemm", ["x", "E"], ["l"], transB=1)]
    nodes = [*rows, *last] if first == "rows" else [*last, *rows]
    nodes += [node("MatMul", ["m", "V"], ["n"]), node("Add", ["l", "n"], ["y"])]
    held = {"E": table, "W": made.weights(16, 16), "V": made.weights(16, len(table))}
    data = {"x": made.normal(32, 16), "ids": made.rng.integers(0, len(table), (32, 5)).astype(np.int64)}
    return Case(nodes, held, data)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("first", ["rows", "product"])
@pytest.mark.parametrize("wide", [False, True])
def test_a_table_that_is_also_a_weight(first: str, mode: str, wide: bool) -> None:
    case = tied(first, wide)
    assert case.sqnr(MODES[mode]) >= 30
    assert "E" in {tensor.name for tensor in case.quantized(MODES[mode]).report.tensors}


@pytest.mark.parametrize("mode", MODES)
def test_a_weight_that_is_an_output(mode: str) -> None:
    made = Random()
    case = Case(
        [node("Gemm", ["x", "A", "b"], ["y"])],
        {"A": made.weights(8, 8), "b": made.normal(8)},
        {"x": made.normal(32, 8)},
        ("y", "A", "b"),
    )
    quantized = case.quantized(MODES[mode])
    found = case.run(quantized.onnx)
    assert decibels({"y": case.run(case.file)["y"]}, found) >= 36
    np.testing.assert_array_equal(found["A"], case.run(case.file)["A"])
    assert "A" in {tensor.name for tensor in quantized.report.tensors}


def embedding(after: list[Any], **held: np.ndarray) -> Case:
    made = Random()
    ids = made.rng.integers(0, 500, (32, 7)).astype(np.int64)
    table = made.normal(500, 16) * 10 ** made.rng.uniform(-1, 1, 16).astype(np.float32)
    return Case([node("Gather", ["E", "ids"], ["e"]), *after], {"E": table, **held}, {"ids": ids})


@pytest.mark.parametrize("mode", MODES)
def test_embeddings_are_quantized_in_every_form(mode: str) -> None:
    """Only the rows that are read are dequantized, not the table."""
    case = embedding([node("MatMul", ["e", "W"], ["y"])], W=Random(1).weights(16, 16))
    quantized = case.quantized(MODES[mode])
    assert {tensor.name for tensor in quantized.report.tensors} == {"E", "W"}
    file = onnx.load_from_string(quantized.onnx)
    (rows,) = (n for n in file.graph.node if n.op_type == "Gather")
    assert rows.input[0] == "E_quantized"
    assert "E_quantized" not in {name for n in file.graph.node if n.op_type == "DequantizeLinear" for name in n.input}
    assert len(quantized.onnx) < 0.4 * len(case.file)
    assert case.sqnr(MODES[mode]) >= (40 if mode == "weight_only" else 28)


@pytest.mark.parametrize("mode", MODES)
def test_embeddings_before_a_norm_that_is_written_out(mode: str) -> None:
    nodes = [
        node("ReduceMean", ["e"], ["mean"], axes=[-1]),
        node("Sub", ["e", "mean"], ["d"]),
        node("Mul", ["d", "d"], ["q"]),
        node("ReduceMean", ["q"], ["v"], axes=[-1]),
        node("Add", ["v", "eps"], ["ve"]),
        node("Sqrt", ["ve"], ["sd"]),
        node("Div", ["d", "sd"], ["n"]),
        node("MatMul", ["n", "W"], ["y"]),
    ]
    case = embedding(nodes, W=Random(1).weights(16, 16), eps=np.float32(1e-5))
    assert {tensor.name for tensor in case.quantized(MODES[mode]).report.tensors} == {"E", "W"}
    assert case.sqnr(MODES[mode]) >= 25


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_tables_along_other_axes(axis: int) -> None:
    made = Random()
    ids = made.rng.integers(0, 64, (16,)).astype(np.int64)
    nodes = [node("Gather", ["E", "ids"], ["e"], axis=axis), node("MatMul", ["e", "W"], ["y"])]
    width = 64 if axis == 0 else 16
    held = {"E": made.normal(64, 64), "W": made.weights(width, 16)}
    case = Case(nodes, held, {"ids": ids[:16]})
    assert case.sqnr(Recipe(activations="weight_only")) >= 38


def test_tables_of_four_bits_are_not_looked_up_as_codes() -> None:
    case = embedding([node("MatMul", ["e", "W"], ["y"])], W=Random(1).weights(16, 16))
    recipe = Recipe(weights=Scheme("int4", granularity="channel"), activations="weight_only")
    assert case.sqnr(recipe) >= 15


def boxes_and_scores(*after: Any, size: float = 640, out: str = "y", **more: np.ndarray) -> Case:
    made = Random()
    nodes = [
        node("Conv", ["x", "A", "a"], ["f"], kernel_shape=[1]),
        node("Relu", ["f"], ["g"]),
        node("Conv", ["g", "U", "u"], ["b"]),
        node("Conv", ["g", "S", "s"], ["c"]),
        node("Sigmoid", ["b"], ["b1"]),
        node("Mul", ["b1", "k"], ["box"]),
        node("Sigmoid", ["c"], ["score"]),
        node("Concat", ["box", "score"], [out], axis=1),
        *after,
    ]
    held = {"A": made.weights(16, 8, 1), "a": made.weights(16), "U": made.weights(4, 16, 1, by=3)}
    held |= {"u": made.weights(4), "S": made.weights(3, 16, 1, by=3), "s": made.weights(3, by=2) - 2}
    return Case(nodes, {**held, "k": np.float32(size), **more}, {"x": made.normal(32, 8, 10)})


def by_channel(case: Case, file: bytes, axis: int = 1) -> float:
    """Signal to noise of the worst channel, in dB."""
    wanted, found = (np.moveaxis(case.run(f)["y"], axis, 0).reshape(7, -1) for f in (case.file, file))
    noise = np.square(wanted - found).mean(1)
    return float((10 * np.log10(np.square(wanted).mean(1) / noise)).min())


@pytest.mark.parametrize("mode", MODES)
def test_scores_beside_boxes(mode: str) -> None:
    case = boxes_and_scores()
    quantized = case.quantized(MODES[mode])
    assert by_channel(case, quantized.onnx) >= 24
    if mode in STATIC:
        (warning,) = [w for w in quantized.report.warnings if "Concat" in w]
        assert "'y' (Concat) stays in float: the values of 'score'" in warning


@pytest.mark.parametrize("mode", STATIC)
def test_what_passes_them_on_stays_in_float(mode: str) -> None:
    after = [node("Transpose", ["j"], ["t"], perm=[0, 2, 1]), node("Identity", ["t"], ["y"])]
    case = boxes_and_scores(*after, out="j")
    quantized = case.quantized(STATIC[mode])
    assert by_channel(case, quantized.onnx, axis=2) >= 24
    assert {"j", "t"}.isdisjoint(activation.name for activation in quantized.report.activations)


@pytest.mark.parametrize("mode", STATIC)
def test_parts_of_one_size_share_a_scale(mode: str) -> None:
    quantized = boxes_and_scores(size=2).quantized(STATIC[mode])
    assert "y" in {activation.name for activation in quantized.report.activations}
    assert not [w for w in quantized.report.warnings if "Concat" in w]


def test_a_concat_that_a_product_reads_has_one_scale_in_any_case() -> None:
    last = node("Conv", ["j", "V"], ["y"])
    case = boxes_and_scores(last, out="j", V=Random(1).weights(7, 7, 1))
    report = case.quantized().report
    assert "j" in {activation.name for activation in report.activations}
    assert "Concat" not in report.float_operators
