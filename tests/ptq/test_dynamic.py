"""Graphs with dynamic activations, beyond the whole nets of test_onnxruntime_whole.py."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import QuantType, quantize_dynamic

from playground.engines.run import run
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.recipe import Override, Recipe, Rule
from playground.model.writers.onnx import to_onnx
from playground.ptq.pipeline import quantize_model
from playground.quantization import Scheme
from tests.ptq.onnxruntime_tool import constants as constants_of

RNG = np.random.default_rng(6)
DYNAMIC = Recipe(weights=Scheme("int8"), activations="dynamic")


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def model_of(nodes: list[Node], arrays: dict[str, np.ndarray], x: ValueInfo, y: ValueInfo, opset: int = 17) -> Model:
    held = {name: Tensor.of(name, values) for name, values in arrays.items()}
    return Model("onnx", "net.onnx", held, Graph("net", (x,), (y,), tuple(nodes), held, opset))


def embedding() -> Model:
    """Rows of a table, two products that share their input, and the same Gemm weight used twice."""
    nodes = [
        Node("Gather", "rows", ("table", "x"), ("e",)),
        Node("MatMul", "left", ("e", "w1"), ("l",)),
        Node("MatMul", "right", ("e", "w2"), ("r",)),
        Node("Add", "sum", ("l", "r"), ("s",)),
        Node("MatMul", "again", ("s", "w1"), ("y",)),
    ]
    arrays = {"table": normal(50, 8), "w1": normal(8, 8), "w2": normal(8, 8)}
    return model_of(nodes, arrays, ValueInfo("x", "int64", ("n", 5)), ValueInfo("y", "float32", ("n", 5, 8)))


def test_tables_and_shared_inputs_are_equal_to_the_tool(tmp_path: Path) -> None:
    model = embedding()
    assert model.graph is not None
    (tmp_path / "float.onnx").write_bytes(to_onnx(model.graph))
    quantize_dynamic(tmp_path / "float.onnx", tmp_path / "theirs.onnx", weight_type=QuantType.QInt8)
    theirs = onnx.load(tmp_path / "theirs.onnx")
    made = quantize_model(model, DYNAMIC)
    found, wanted = constants_of(onnx.load_from_string(made.onnx)), constants_of(theirs)
    assert set(found) == set(wanted)
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, name)
    x = {"x": RNG.integers(0, 50, (3, 5))}
    ours = run(made.onnx, x, "onnxruntime")["y"]
    np.testing.assert_array_equal(ours, run(theirs.SerializeToString(), x, "onnxruntime")["y"])
    operators = [node.op for node in (made.model.graph or model.graph).nodes]
    assert operators.count("DynamicQuantizeLinear") == 1, "the rows are codes already, and read by both"
    assert "DequantizeLinear" not in operators
    assert made.report.tensors[0].scheme["format"] == "uint8"


def test_what_has_no_dynamic_form_is_named(model: Model, changed: Any) -> None:
    nodes = [
        Node("MatMul", "scores", ("x", "x"), ("s",)),
        Node("Gemm", "scaled", ("s", "w", "b"), ("g",), {"alpha": 0.5}),
        Node("Gemm", "turned", ("g", "w"), ("t",), {"transA": 1}),
        Node("MatMul", "fine", ("t", "w"), ("y",)),
    ]
    value = ValueInfo("x", "float32", (4, 4)), ValueInfo("y", "float32", (4, 4))
    made = quantize_model(model_of(nodes, {"w": normal(4, 4), "b": normal(4)}, *value), DYNAMIC)
    reasons = {skip.node: skip.reason for skip in made.report.skipped}
    assert reasons["scores"] == "it multiplies two activations, which has no dynamic form"
    assert reasons["scaled"] == "Gemm with alpha has no dynamic form"
    assert reasons["turned"] == "Gemm with transA has no dynamic form"
    assert [tensor.name for tensor in made.report.tensors] == ["w"]
    x = {"x": normal(4, 4)}
    graph = made.model.graph
    assert graph is not None
    assert "w" in graph.initializers, "the float nodes still read it"
    assert run(made.onnx, x, "onnxruntime")["y"].shape == (4, 4)


def test_rules_overrides_and_channels(model: Model, data: dict[str, np.ndarray]) -> None:
    recipe = Recipe(
        (Rule("*", None, shape=(None, 1, None, None)),),
        activations="dynamic",
        overrides=(Override("w3", Scheme("uint8", symmetric=False)),),
    )
    made = quantize_model(model, recipe)
    assert [(tensor.name, tensor.scheme["format"]) for tensor in made.report.tensors] == [
        ("w1", "int8"),
        ("w3", "uint8"),
    ]
    assert made.report.tensors[0].scheme["granularity"] == "channel"
    assert not made.report.warnings
    assert model.graph is not None
    difference = run(made.onnx, data, "onnxruntime")["z"] - run(model.graph, data, "onnxruntime")["z"]
    assert np.abs(difference).max() < 0.1


def test_names_that_are_taken_are_avoided() -> None:
    nodes = [
        Node("Neg", "neg", ("x",), ("x_quantized",)),
        Node("MatMul", "product", ("x", "w"), ("p",)),
        Node("Add", "add", ("p", "x_quantized"), ("y",)),
    ]
    value = ValueInfo("x", "float32", ("n", 4)), ValueInfo("y", "float32", ("n", 4))
    model = model_of(nodes, {"w": normal(4, 4)}, *value)
    made = quantize_model(model, DYNAMIC)
    onnx.checker.check_model(made.onnx, full_check=True)
    x = {"x": normal(3, 4)}
    assert model.graph is not None
    assert np.abs(run(made.onnx, x, "onnxruntime")["y"] - run(model.graph, x, "onnxruntime")["y"]).max() < 0.2


def separable(rank: int, group: int) -> Model:
    """Two convolutions with biases; the filters of the second one differ by orders of magnitude."""
    spread = 10.0 ** np.linspace(-2, 1, 8).reshape(8, *(1,) * (rank + 1))
    nodes = [
        Node("Conv", "wide", ("x", "w1", "b1"), ("c",), {"pads": [1] * 2 * rank}),
        Node("Relu", "relu", ("c",), ("r",)),
        Node("Conv", "deep", ("r", "w2", "b2"), ("y",), {"group": group, "strides": [2] * rank}),
    ]
    arrays = {"w1": normal(8, 3, *(3,) * rank), "w2": normal(8, 8 // group, *(3,) * rank) * spread}
    arrays |= {"b1": normal(8), "b2": normal(8) * spread.reshape(-1)}
    held = {name: values.astype(np.float32) for name, values in arrays.items()}
    x, y = ValueInfo("x", "float32", ("n", 3, *(9,) * rank)), ValueInfo("y", "float32", ("n", 8, *(4,) * rank))
    return model_of(nodes, held, x, y)


@pytest.mark.parametrize("group", [1, 2, 8])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_convolutions_have_a_scale_a_channel(rank: int, group: int) -> None:
    """The channels of small filters are as exact as the others: in ONNX Runtime, optimized or not, and in ours."""
    model = separable(rank, group)
    x = {"x": normal(6, 3, *(9,) * rank)}
    made = quantize_model(model, Recipe(activations="dynamic"))
    assert made.model.graph is not None
    assert model.graph is not None
    assert {tensor.scheme["axis"] for tensor in made.report.tensors} == {0}
    wanted = run(model.graph, x, "onnxruntime")["y"]
    axes = (0, *range(2, 2 + rank))
    for found in (run(made.onnx, x, "onnxruntime")["y"], run(made.onnx, x, "reference")["y"]):
        error = np.square(found - wanted).mean(axes) / np.square(wanted).mean(axes)
        assert 10 * np.log10(error).max() < -28
    coarse = quantize_model(model, DYNAMIC)
    lost = run(coarse.onnx, x, "onnxruntime")["y"] - wanted
    assert 10 * np.log10((np.square(lost).mean(axes) / np.square(wanted).mean(axes)).max()) > -10


def test_scales_of_channels_run_in_the_integer_engine() -> None:
    model, x = separable(2, 8), {"x": normal(6, 3, 9, 9)}
    made = quantize_model(model, Recipe(activations="dynamic"))
    theirs = run(made.onnx, x, "onnxruntime")["y"]
    for engine in ("reference", "wasm"):
        np.testing.assert_allclose(run(made.onnx, x, engine)["y"], theirs, rtol=1e-5, atol=1e-5)


def test_filters_with_zero_points_share_a_scale_and_it_is_said() -> None:
    scheme = Scheme("uint8", granularity="channel", symmetric=False)
    made = quantize_model(separable(2, 1), Recipe(weights=scheme, activations="dynamic"))
    assert {tensor.scheme["granularity"] for tensor in made.report.tensors} == {"tensor"}
    assert "2 convolutions with one scale for all channels: ConvInteger takes one" in made.report.warnings[0]


def test_older_graphs_come_to_the_operator_set_of_integer_products(changed: Any) -> None:
    assert onnx.load_from_string(quantize_model(changed(opset=10), DYNAMIC).onnx).opset_import[0].version == 13
