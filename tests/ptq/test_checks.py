"""What is refused before anything is computed: where, what, and what to do; else the rest is quantized."""

from typing import Any

import numpy as np
import onnx
import pytest

from playground.engines.run import run
from playground.errors import EngineError, InvalidInputError, PlaygroundError, UnsupportedError
from playground.model.graph import Graph, Model, Node, NoGraph, ValueInfo
from playground.model.recipe import AlgorithmCall, Override, Recipe, Rule
from playground.operators import view_of
from playground.ptq.checks import runnable_part
from playground.ptq.pipeline import quantize_model
from playground.quantization import Scheme

Data = dict[str, np.ndarray]
INT4 = Scheme("int4")
STRICT = Recipe(partial=False)

RECIPES: list[tuple[Recipe, type[PlaygroundError], str]] = [
    (
        Recipe((Rule("fc9*"),), partial=False),
        InvalidInputError,
        "rule 1 ('fc9*'): no operator or tensor is named 'fc9*'",
    ),
    (
        Recipe((Rule("conv?"), Rule("conv1", INT4)), partial=False),
        InvalidInputError,
        "rule 2 ('conv1'): the rule has no effect",
    ),
    (
        Recipe((Rule("w*", INT4, op="LSTM"),), partial=False),
        InvalidInputError,
        "rule 1 ('w*' LSTM): the rule matches no",
    ),
    (
        Recipe((Rule("w*", INT4, shape=(9, 9)),), partial=False),
        InvalidInputError,
        "rule 1 ('w*' 9x9): the rule matches no",
    ),
    (
        Recipe(overrides=(Override("w9", INT4),), partial=False),
        InvalidInputError,
        "override of 'w9': the model has no such tensor",
    ),
    (Recipe(algorithms=(AlgorithmCall("alchemy"),)), InvalidInputError, "there is no algorithm 'alchemy'"),
    (Recipe(operators=("Conv", "Einsum")), InvalidInputError, "operators: Einsum cannot be quantized"),
    (Recipe(weights=Scheme("int4"), activations="dynamic"), UnsupportedError, "multiplies no dynamic activations"),
    (
        Recipe(weights=Scheme("int4"), activations="dynamic", runtime="tflite"),
        UnsupportedError,
        "TensorFlow Lite multiplies no dynamic activations with int4 weights",
    ),
    (Recipe(runtime="tflite"), UnsupportedError, "activation_scheme: TensorFlow Lite takes no uint8 activations"),
]


@pytest.mark.parametrize(("recipe", "kind", "words"), RECIPES)
def test_recipes_that_do_not_fit(model: Model, data: Data, recipe: Recipe, kind: Any, words: str) -> None:
    with pytest.raises(kind) as error:
        quantize_model(model, recipe, data)
    assert words in str(error.value)
    assert error.value.hint


def test_names_that_are_nearly_right_are_told(model: Model) -> None:
    with pytest.raises(InvalidInputError, match="Use a name such as 'conv1'"):
        quantize_model(model, Recipe((Rule("Conv1"),), partial=False))


def test_general_rules_need_not_match(model: Model, data: Data) -> None:
    recipe = Recipe((Rule("*", INT4, op="ConvTranspose"), Rule("*", Scheme("int8"))))
    assert len(quantize_model(model, recipe, data).report.tensors) == 3


def test_idle_rules_are_told_unless_the_recipe_is_strict(model: Model, data: Data) -> None:
    report = quantize_model(model, Recipe((Rule("fc9*"),)), data).report
    (told,) = report.warnings
    assert told.startswith("Rule 1 ('fc9*'): no operator or tensor is named 'fc9*'. Use a name such as ")


def test_a_rule_for_an_activation_says_so(model: Model, data: Data) -> None:
    assert model.graph is not None
    name = model.graph.nodes[0].outputs[0]
    (told,) = quantize_model(model, Recipe((Rule(name),)), data).report.warnings
    assert f"{name!r} fits activations alone" in told


def with_node(changed: Any, model: Model, node: Node) -> Model:
    """The net with a node between its first ReLU and its second convolution."""
    assert model.graph is not None
    conv1, relu1, conv2, *others = model.graph.nodes
    conv2 = Node("Conv", "conv2", (node.outputs[0], *conv2.inputs[1:]), conv2.outputs, conv2.attributes)
    return changed(nodes=(conv1, relu1, node, conv2, *others))  # type: ignore[no-any-return]


def branch() -> Node:
    inner = Graph("branch", (), (ValueInfo("u", "float32", None),), (Node("Neg", "n", ("r1",), ("u",)),), {}, 17)
    return Node("If", "decide", ("flag",), ("i",), {"then_branch": inner, "else_branch": inner})


def test_control_flow(changed: Any, model: Model, data: Data) -> None:
    with_flag = changed({"flag": np.array(True)})
    different = with_node(lambda **f: changed({"flag": np.array(True)}, **f), with_flag, branch())
    quantized = quantize_model(different, STRICT, data)
    onnx.checker.check_model(quantized.onnx)
    assert [tensor.name for tensor in quantized.report.tensors] == ["w1", "w2", "w3"]
    assert "If" not in {node.op_type for node in onnx.load_from_string(quantized.onnx).graph.node}, (
        "its condition is known"
    )
    expected = run(different.graph, data, "onnxruntime")["z"]
    assert np.abs(run(quantized.onnx, data, "onnxruntime")["z"] - expected).max() < 0.2


def test_operators_of_its_own(changed: Any, model: Model, data: Data) -> None:
    """Activations that depend on them cannot be calibrated and stay in float; weights are quantized all the same."""
    custom = Node("Sparkle", "sparkle", ("r1",), ("s",), {}, "com.example")
    different = with_node(lambda **f: changed(other_opsets={"com.example": 1}, **f), model, custom)
    with pytest.raises(
        UnsupportedError, match=r"node 'sparkle' \(Sparkle\): no engine can run operators of the domain"
    ):
        quantize_model(different, STRICT, data)
    quantized = quantize_model(different, None, data)
    assert [tensor.name for tensor in quantized.report.tensors] == ["w1", "w2", "w3"]
    assert [activation.name for activation in quantized.report.activations] == ["x", "r1"]
    reasons = {skip.name: skip.reason for skip in quantized.report.skipped}
    assert reasons["b2"] == reasons["b3"] == "the activation it belongs to has no range"
    assert "no engine can run operators" in quantized.report.warnings[0]
    weights_only = quantize_model(different, Recipe(activations="weight_only"))
    assert len(weights_only.report.tensors) == 3


def test_the_part_that_runs(changed: Any, model: Model) -> None:
    custom = Node("Sparkle", "sparkle", ("r1",), ("s",), {}, "com.example")
    different = with_node(lambda **f: changed(other_opsets={"com.example": 1}, **f), model, custom)
    assert different.graph is not None
    part = runnable_part(view_of(different.graph))
    assert [node.name for node in part.nodes] == ["conv1", "relu1"]
    assert [value.name for value in part.outputs] == ["r1"]
    assert model.graph is not None
    assert runnable_part(view_of(model.graph)) is model.graph


@pytest.mark.parametrize("heavy", [0, 10**9])
def test_answers_that_are_not_finite(
    changed: Any, model: Model, data: Data, heavy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.ptq.capture.HEAVY", heavy)
    different = with_node(changed, model, Node("Log", "log", ("r1",), ("l",)))
    with pytest.raises(EngineError, match=r"output 'z': .* begins with node 'log' \(Log\)\. .*partial=True"):
        quantize_model(different, STRICT, data)
    w3 = np.full((36, 5), np.nan, np.float32)
    with pytest.raises(EngineError, match=r"begins with node 'fc' \(Gemm\), whose constant 'w3' is not"):
        quantize_model(changed({"w3": w3}), STRICT, data)


def test_functions_of_its_own(model: Model) -> None:
    noted = Model("onnx", "f.onnx", model.tensors, None, no_graph=NoGraph("its graph is not read", "Inline it"))
    with pytest.raises(UnsupportedError, match=r"its graph is not read\. Inline it"):
        quantize_model(noted)


def broken(**arrays: Any) -> Data:
    return arrays


CALIBRATION: list[tuple[Any, str]] = [
    (broken(y=np.zeros((3, 2, 6, 6), np.float32)), "calibration: inputs: the model has no input 'y'. Use one of: x"),
    (broken(), "calibration: inputs: the input 'x' is missing. Give x"),
    (
        broken(x=np.zeros((3, 2, 6, 7), np.float32)),
        "calibration: input 'x': shape [3, 2, 6, 7] does not fit this input",
    ),
    (broken(x=np.array([["a"]])), "calibration: input 'x': an array of <U1 does not fit this input. Give float32"),
    (
        broken(x=np.zeros((0, 2, 6, 6), np.float32)),
        "calibration: the calibration data has 0 samples. Give more samples",
    ),
    (broken(x=np.full((2, 2, 6, 6), np.nan, np.float32)), "calibration: input 'x': sample 0 has NaN or infinity"),
    ([], "calibration: the calibration data has 0 samples. Give at least one batch"),
    (iter([]), "cannot be read twice"),
    ([np.zeros(3)], "input 'x': shape [3] does not fit this input"),
    ("samples.npz", "calibration: the path 'samples.npz' is not calibration data. Give its arrays"),
]


@pytest.mark.parametrize(("given", "words"), CALIBRATION)
def test_bad_calibration_data(model: Model, given: Any, words: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        quantize_model(model, None, given)
    assert words in str(error.value)


def test_samples_that_are_not_finite_are_left_out(model: Model, data: Data) -> None:
    x = data["x"].copy()
    x[[3, 7], 0, 0, 0] = np.nan, np.inf
    with pytest.raises(InvalidInputError, match="sample 3 has NaN or infinity, as 2 of 50"):
        quantize_model(model, STRICT, {"x": x})
    report = quantize_model(model, None, {"x": x}).report
    assert report.calibration_samples == 48
    assert "2 calibration samples were left out: they hold NaN or infinity." in report.warnings
