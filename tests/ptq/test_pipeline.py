import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import playground
from playground.engines.interpreter import run_graph
from playground.engines.run import run
from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Model, Node, ValueInfo
from playground.model.recipe import Recipe, Rule
from playground.opening import load
from playground.ptq.pipeline import QuantizedModel, quantize_model, quantize_model_task
from playground.quantization import Scheme
from playground.tasks import Progress

Data = dict[str, np.ndarray]


def float_answer(model: Model, data: Data) -> np.ndarray:
    assert model.graph is not None
    return run_graph(model.graph, data)["z"]


def assert_sound(quantized: QuantizedModel, model: Model, data: Data, within: float) -> None:
    """Valid, loads, and ONNX Runtime and our interpreter agree that it is close to the float model."""
    onnx.checker.check_model(quantized.onnx, full_check=True)
    theirs = run(quantized.onnx, data, "onnxruntime")["z"]
    graph = quantized.model.graph
    assert graph is not None
    ours = run_graph(graph, data)["z"]
    np.testing.assert_allclose(ours, theirs, atol=0.03)
    assert np.abs(theirs - float_answer(model, data)).max() < within


RECIPES = [
    (Recipe(), 0.2),
    (Recipe(weights=Scheme("int8")), 0.2),
    (Recipe(activation_scheme=Scheme("int8")), 0.2),
    (Recipe(activation_scheme=Scheme("int8", symmetric=False)), 0.2),
    (Recipe(activations="weight_only"), 0.1),
    (Recipe(weights=Scheme("uint8", granularity="channel", symmetric=False), activations="weight_only"), 0.1),
    (Recipe(activation_scheme=Scheme("uint8", symmetric=False, calibrator="percentile")), 0.3),
]


@pytest.mark.parametrize(("recipe", "within"), RECIPES)
def test_recipes(model: Model, data: Data, recipe: Recipe, within: float) -> None:
    assert_sound(quantize_model(model, recipe, data), model, data, within)


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("sign", ["", "u"])
def test_every_width(model: Model, data: Data, bits: int, sign: str) -> None:
    scheme = Scheme(f"{sign}int{bits}", granularity="channel", symmetric=not sign)
    quantized = quantize_model(model, Recipe(weights=scheme), data)
    assert_sound(quantized, model, data, 1.01)
    for tensor in quantized.report.tensors:
        codes = quantized.model.tensors[f"{tensor.name}_quantized"].numpy()
        assert scheme.number_format.qmin <= codes.min()
        assert codes.max() <= scheme.number_format.qmax
        packed = -(-tensor.parameters * bits // 8)
        assert packed <= tensor.bytes_after < packed + 8 * tensor.shape[scheme.axis or 0] + 64
    assert any("one a byte" in warning for warning in quantized.report.warnings) == (bits < 8 and bits != 4)


def test_four_bits_are_packed(changed: Any, data: Data) -> None:
    model = changed(opset=17)
    for name in ("int4", "uint4"):
        quantized = quantize_model(model, Recipe(weights=Scheme(name, symmetric=name == "int4")), data)
        assert quantized.model.tensors["w3_quantized"].dtype == name
        assert_sound(quantized, model, data, 1.01)
        assert not quantized.report.warnings
        back = load(quantized.onnx)
        assert np.array_equal(back.tensors["w3_quantized"].numpy(), quantized.quantization.weights["w3"].codes)


def test_report(model: Model, data: Data, tmp_path: Path) -> None:
    quantized = playground.quantize_model(model, None, data)
    report = quantized.report
    assert [tensor.name for tensor in report.tensors] == ["w1", "w2", "w3"]
    fc = report.tensors[2]
    assert (fc.node, fc.op, fc.shape, fc.parameters, fc.bytes_before) == ("fc", "Gemm", (36, 5), 180, 720)
    assert fc.bytes_after == 180 + 5 * 4
    parts = [quantized.model.tensors[f"w3_{part}"].nbytes for part in ("quantized", "scale", "zero_point")]
    assert fc.bytes_stored == sum(parts)
    assert 35 < fc.sqnr_db < 60
    assert [activation.name for activation in report.activations] == ["x", "r1", "c2", "a", "y"]
    assert report.activations[1].lo == 0
    assert report.activations[1].zero_point == 0
    assert report.skipped == ()
    assert report.float_operators == {}
    assert (report.biases, report.calibration_samples, report.warnings) == (3, 50, ())
    assert report.file_bytes == len(quantized.onnx)
    assert report.bytes_before == 4 * (72 + 4 + 36 + 4 + 180 + 5)
    assert report.bytes_after == sum(tensor.nbytes for tensor in quantized.model.tensors.values())
    assert json.loads(json.dumps(report.as_dict()))["tensors"][2]["scheme"]["axis"] == 1
    assert Recipe.from_dict(report.recipe) == Recipe()
    quantized.save(tmp_path / "q.onnx")
    assert (tmp_path / "q.onnx").read_bytes() == quantized.onnx


def test_without_data_it_is_a_smoke_test(model: Model) -> None:
    report = quantize_model(model).report
    assert "smoke test" in report.warnings[0]
    assert report.calibration_samples == 8


def test_rules_leave_nodes_in_float(model: Model, data: Data) -> None:
    quantized = quantize_model(model, Recipe((Rule("w2"), Rule("add"))), data)
    assert_sound(quantized, model, data, 0.2)
    assert [(skip.name, skip.reason) for skip in quantized.report.skipped] == [
        ("w2", "the recipe's rule 'w2' leaves it in float"),
        ("add", "the recipe's rule 'add' leaves it in float"),
    ]
    assert quantized.model.tensors["w2"].dtype == "float32"


@pytest.mark.parametrize("activations", ["static", "weight_only"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(changed: Any, data: Data, value: float, activations: str) -> None:
    w3 = np.random.default_rng(0).normal(size=(36, 5)).astype(np.float32)
    w3[0, 0] = value
    recipe = Recipe(activations=activations, partial=True)
    quantized = quantize_model(changed({"w3": w3}), recipe, data)
    onnx.checker.check_model(quantized.onnx)
    assert [tensor.name for tensor in quantized.report.tensors] == ["w1", "w2"]
    (skip,) = [skip for skip in quantized.report.skipped if skip.name == "w3"]
    assert skip.reason == "1 of its 180 values are NaN or infinite"


def test_activations_that_are_not_finite_are_named(changed: Any, model: Model, data: Data) -> None:
    """What a NaN flows through cannot be calibrated; the rest is quantized all the same."""
    assert model.graph is not None
    conv1, relu1, conv2, *others = model.graph.nodes
    log = Node("Log", "log", ("r1",), ("l",))  # of zeros: minus infinity
    nodes = (conv1, relu1, log, Node("Conv", "conv2", ("l", "w2", "b2"), ("c2",), conv2.attributes), *others)
    quantized = quantize_model(changed(nodes=nodes), Recipe(partial=True), data)
    onnx.checker.check_model(quantized.onnx)
    assert [tensor.name for tensor in quantized.report.tensors] == ["w1"]
    reasons = {skip.name: skip.reason for skip in quantized.report.skipped}
    assert set(reasons) >= {"w2", "add", "w3"}
    assert "the activation 'l' cannot be quantized" in reasons["w2"]


def test_bias_that_is_not_finite_is_named_with_its_weight(changed: Any, data: Data) -> None:
    quantized = quantize_model(changed({"b3": np.full(5, np.nan, np.float32)}), Recipe(partial=True), data)
    (skip,) = quantized.report.skipped
    assert (skip.name, skip.node) == ("w3", "fc")
    assert skip.reason == "its other constant 'b3' cannot be quantized: 5 of its 5 values are NaN or infinite"


def test_a_constant_weight_and_a_zero_one(changed: Any, model: Model, data: Data) -> None:
    arrays = {"w1": np.zeros((4, 2, 3, 3), np.float32), "w3": np.full((36, 5), 0.25, np.float32)}
    different = changed(arrays)
    assert_sound(quantize_model(different, None, data), different, data, 0.05)


def test_empty_tensor(changed: Any, model: Model, data: Data) -> None:
    assert model.graph is not None
    nodes = (*model.graph.nodes, Node("Concat", "join", ("y", "none"), ("j",), {"axis": 1}))
    different = changed(
        {"none": np.zeros((50, 0), np.float32)}, nodes=nodes, inputs=(ValueInfo("x", "float32", (50, 2, 6, 6)),)
    )
    quantized = quantize_model(different, None, data)
    onnx.checker.check_model(quantized.onnx)
    assert any(skip.name == "none" and "no elements" in skip.reason for skip in quantized.report.skipped)


def test_other_operators_and_types_are_listed(changed: Any, model: Model, data: Data) -> None:
    assert model.graph is not None
    arrays = {"g": np.ones(5, np.float32), "h": np.zeros(5, np.float32)}
    nodes = (*model.graph.nodes[:-1], Node("Max", "norm", ("y", "g", "h"), ("z",)))
    quantized = quantize_model(changed(arrays, nodes=nodes), None, data)
    reasons = {skip.name: skip.reason for skip in quantized.report.skipped}
    assert reasons == {"g": "Max is not quantized", "h": "Max is not quantized"}


def test_parameters_of_a_normalization_stay_in_float_and_are_named(changed: Any, model: Model, data: Data) -> None:
    assert model.graph is not None
    arrays = {"g": np.ones(5, np.float32), "h": np.zeros(5, np.float32)}
    nodes = (*model.graph.nodes[:-1], Node("LayerNormalization", "norm", ("y", "g", "h"), ("z",)))
    quantized = quantize_model(changed(arrays, nodes=nodes), None, data)
    assert quantized.report.float_operators == {}
    assert [(skip.name, "takes it in float" in skip.reason) for skip in quantized.report.skipped] == [
        ("g", True),
        ("h", True),
    ]


def test_biases_that_stay_in_float_are_named(changed: Any, model: Model, data: Data) -> None:
    flat = changed({"b3": np.zeros((1, 5), np.float32)})
    assert quantize_model(flat, None, data).report.biases == 3
    inputs = (ValueInfo("x", "float32", (50, 2, 6, 6)),)
    report = quantize_model(changed({"b3": np.ones((50, 5), np.float32)}, inputs=inputs), Recipe(), data).report
    assert report.biases == 2
    assert [(skip.name, skip.reason) for skip in report.skipped] == [("b3", "it is no bias of one value a channel")]
    report = quantize_model(model, Recipe(activations="weight_only")).report
    assert {skip.name for skip in report.skipped} == {"b1", "b2", "b3"}
    assert {skip.reason for skip in report.skipped} == {"biases stay in float where activations do"}


def test_operators_that_only_onnxruntime_has(changed: Any, model: Model, data: Data) -> None:
    assert model.graph is not None
    nodes = (*model.graph.nodes[:-1], Node("QuickGelu", "gelu", ("y",), ("z",), {}, "com.microsoft"))
    different = changed(nodes=nodes, opset=18)
    quantized = quantize_model(different, None, data)
    expected = run(different.graph, data, "onnxruntime")["z"]
    assert np.abs(run(quantized.onnx, data, "onnxruntime")["z"] - expected).max() < 1


def _reading(name: str, nodes: tuple[Node, ...]) -> list[Node]:
    """The nodes, reading this in the place of x."""
    return [replace(node, inputs=tuple(name if n == "x" else n for n in node.inputs)) for node in nodes]


def test_unknown_operator_is_one_sentence(changed: Any, model: Model, data: Data) -> None:
    assert model.graph is not None
    nodes = (*model.graph.nodes[:-1], Node("Frobnicate", "odd", ("y",), ("z",)))
    with pytest.raises(UnsupportedError, match="Frobnicate"):
        quantize_model(changed(nodes=nodes), Recipe(partial=False), data)
    report = quantize_model(changed(nodes=nodes), None, data).report
    assert len(report.tensors) == 3
    assert any("No engine here runs Frobnicate" in warning for warning in report.warnings)
    first = (Node("Frobnicate", "odd", ("x",), ("u",)), *_reading("u", model.graph.nodes))
    report = quantize_model(changed(nodes=first), None, data).report
    assert (len(report.tensors), report.activations) == (3, ())
    quantized = quantize_model(changed(nodes=nodes), Recipe(activations="weight_only"))
    assert len(quantized.report.tensors) == 3, "weights alone need no run"


def test_refuses(model: Model, changed: Any, data: Data) -> None:
    with pytest.raises(UnsupportedError, match="already quantized"):
        quantize_model(quantize_model(model, None, data).model, None, data)
    with pytest.raises(UnsupportedError, match="no graph"):
        quantize_model(Model("npz", "w.npz", model.tensors))
    with pytest.raises(InvalidInputError, match="no input"):
        quantize_model(model, None, {"wrong": data["x"]})
    with pytest.raises(InvalidInputError, match=r"\[50, 2, 6\] does not fit this input. Give shape \[n, 2, 6, 6\]"):
        quantize_model(model, None, {"x": data["x"][..., 0]})
    with pytest.raises(InvalidInputError, match="calibrator"):
        quantize_model(model, Recipe(activation_scheme=Scheme("uint8", calibrator="guess")), data)


@pytest.mark.parametrize(("opset", "recipe", "written"), [(12, Recipe(), 13), (9, Recipe(weights=Scheme("int4")), 21)])
def test_files_are_of_the_operator_set_that_their_nodes_need(
    changed: Any, data: Data, opset: int, recipe: Recipe, written: int
) -> None:
    model = changed(opset=opset)
    quantized = quantize_model(model, recipe, data)
    assert_sound(quantized, model, data, 0.2 if written == 13 else 2)
    assert onnx.load_from_string(quantized.onnx).opset_import[0].version == written


def test_progress_is_told_and_work_can_be_dropped(model: Model, data: Data) -> None:
    steps: list[Progress] = []
    quantize_model(model, None, data, steps.append)
    assert all(0 <= step.done <= step.total for step in steps)
    assert {step.message.split()[0] for step in steps} == {
        "Running", "Calibrating", "Quantizing", "Writing", "Opening", "Checking"
    }  # fmt: skip
    work = quantize_model_task(model, None, data)
    next(work)
    work.close()
