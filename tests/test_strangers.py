"""What somebody types whose habits are of other packages: functions of classes, changes, keys, lists."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import playground
from playground import gallery, notebook
from playground.errors import PlaygroundError
from playground.model.recipe import AlgorithmCall, Rule

MODEL = gallery.open_model("digits-mlp")
X = np.random.default_rng(7).normal(size=(8, 64)).astype(np.float32)
Q = playground.quantize(X, "int4")
SCHEME, RECIPE = playground.Scheme("int4"), playground.Recipe(weights="int4")
RESULT = playground.quantize_model(MODEL, "int8")
DIGITS = gallery.digits()


def set_to(value: Any, name: str, new: Any) -> None:
    setattr(value, name, new)


CALLS: list[tuple[Callable[[], Any], str]] = [
    # functions that classes have elsewhere
    (lambda: playground.Model.load("model.onnx"), "Use playground.load('model.onnx')"),
    (lambda: playground.Model.from_pretrained("bert"), "Use playground.load('model.onnx')"),
    (lambda: playground.Recipe.load("recipe.json"), "Use quantize_model(model, 'recipe.json')"),
    (lambda: playground.Recipe.from_yaml("a: 1"), "Recipe.from_dict({'weights': 'int4'})"),
    (lambda: playground.Recipe.default, "from_dict"),
    (lambda: playground.QTensor.from_numpy(X), "Use quantize(x, 'int8')"),
    (lambda: playground.QTensor.load("q.npz"), "Use playground.load('weights.npz')"),
    (lambda: playground.Scheme.from_dict({}), "Use Scheme(**fields)"),
    (lambda: playground.QuantizedModel.load("small.onnx"), "Use playground.load('small.onnx')"),
    (lambda: playground.Range.from_array(X), "there is no attribute 'from_array'"),
    # changes to what does not change
    (lambda: set_to(SCHEME, "format", "int8"), "dataclasses.replace(value, format='int8')"),
    (lambda: set_to(RECIPE, "weights", SCHEME), "dataclasses.replace(value, weights="),
    (lambda: set_to(Q, "codes", X), "codes cannot be set"),
    (lambda: set_to(SCHEME, "bits", 4), "there is no attribute 'bits'"),
    (lambda: set_to(MODEL, "name", "x"), "name='x'"),
    (lambda: MODEL.__setitem__("fc1.weight", X), "model.with_tensors({'fc1.weight': array})"),  # type: ignore[operator]
    (lambda: MODEL.__delitem__("fc1.weight"), "A model does not change"),  # type: ignore[operator]
    (lambda: SCHEME.replace(format="int8"), "dataclasses.replace(scheme, format='int4')"),
    (lambda: RECIPE.copy, "dataclasses.replace(recipe, weights='int4')"),
    # arguments under other names
    (lambda: playground.quantize(tensor=X), "Use quantize(x, 'int8')"),
    (lambda: playground.quantize(X, backend="ort"), "convention='onnxruntime'"),
    (lambda: playground.quantize(X, percentile=99), "calibrator_args={'percentile': 99}"),
    (lambda: playground.quantize(X, granularity="per-channel"), "Use 'channel'"),
    (lambda: playground.quantize(X, granularity="groupwise"), "Use 'block'"),
    (lambda: playground.quantize(X, granularity="Row"), "Use 'token'"),
    (lambda: playground.quantize(X, granularity="per_tensor"), "Use 'tensor'"),
    (lambda: playground.quantize(X, granularity="pixel"), "Use one of: tensor, channel"),
    (lambda: Q.dequantize(np.float16), "astype('float16')"),  # type: ignore[call-arg]
    (lambda: Q.quantize("int8"), "Use quantize(q, 'int8')"),
    (lambda: Q.plot, "notebook"),
    (lambda: Q.scales, "Use q.scale"),
    (lambda: Q.q_zero_point, "Use q.zero_point"),
    # an output file or a number in the place of a recipe or of samples
    (lambda: playground.quantize_model(MODEL, "small.onnx"), "quantize_model(model).save"),
    (lambda: playground.quantize_model(MODEL, Path("small.tflite")), "a model is not a recipe"),
    (lambda: playground.quantize_model(MODEL, calibration=64), "int is not calibration data"),
    (lambda: playground.quantize_model(MODEL, calibration=DIGITS), "{'image': digits.images}"),
    (lambda: playground.quantize_model(MODEL, calibration=iter([X])), "cannot be read twice"),
    # results
    (lambda: MODEL.layers, "Use model.graph.nodes"),
    (lambda: MODEL.to_onnx, "save('small.onnx')"),
    (lambda: RESULT.codes, "Use result.quantization"),
    (lambda: RESULT.report.summary, "print(report)"),
    (lambda: RESULT.report.compression_ratio, "report.bytes_before / report.bytes_after"),
    (lambda: RESULT.report["fc1.weight"], "report.tensors[0]"),  # type: ignore[index]
    # lists of what there is
    (lambda: playground.formats().int4, "Use ['int4']"),  # type: ignore[attr-defined]
    (lambda: playground.calibrators().mse, "Use ['mse']"),  # type: ignore[attr-defined]
    (lambda: playground.calibrators()["kl"], "Use one of: aciq_laplace"),
    # the gallery
    (gallery.open_model, "Write gallery.open_model('digits-mlp')"),  # type: ignore[call-arg]
    (lambda: gallery.open_model("digits-mlp", "int8"), "2 arguments"),  # type: ignore[call-arg]
    (lambda: gallery.models, "Use list(gallery.entries())"),
    (lambda: gallery.load("digits-mlp"), "Use gallery.open_model('digits-mlp')"),
    (lambda: gallery.digit, "Use digits"),
    (lambda: DIGITS.x, "Use digits.images"),
    (lambda: DIGITS.target, "Use digits.labels"),
    (lambda: DIGITS[0], "digits.images[0] and digits.labels[0]"),  # type: ignore[index]
    (lambda: len(DIGITS), "len(digits.images)"),  # type: ignore[arg-type]
    (lambda: list(DIGITS), "Use digits.images and digits.labels"),  # type: ignore[call-overload]
]


@pytest.mark.parametrize(("typed", "shown"), CALLS)
def test_what_is_not_there_is_said_with_what_is(typed: Callable[[], Any], shown: str) -> None:
    with pytest.raises(PlaygroundError) as caught:
        typed()
    assert shown in str(caught.value)


def test_the_errors_are_the_ones_that_python_has_for_it() -> None:
    for typed, kind in (
        (lambda: playground.Model.load("model.onnx"), AttributeError),
        (lambda: set_to(SCHEME, "format", "int8"), dataclasses.FrozenInstanceError),
        (lambda: MODEL.__setitem__("fc1.weight", X), TypeError),  # type: ignore[operator]
        (lambda: playground.formats().int4, AttributeError),  # type: ignore[attr-defined]
        (lambda: playground.calibrators()["kl"], KeyError),
        (lambda: gallery.models, AttributeError),
        (lambda: list(DIGITS), TypeError),  # type: ignore[call-overload]
    ):
        with pytest.raises(kind):
            typed()
    with pytest.raises(TypeError):
        playground.calibrators()["mse"] = None  # type: ignore[index]


def test_what_was_tried_before_works_as_arrays_do() -> None:
    np.testing.assert_array_equal(np.from_dlpack(Q), Q.dequantize())
    np.testing.assert_array_equal(np.from_dlpack(MODEL["fc3.bias"]), MODEL["fc3.bias"].numpy())
    np.testing.assert_array_equal(round(Q), np.round(Q.dequantize()))
    np.testing.assert_array_equal(round(Q, 2), np.round(Q.dequantize(), 2))
    outputs = playground.run(MODEL, DIGITS.images[:4])
    np.testing.assert_array_equal(np.asarray(outputs), outputs["logits"])
    assert np.argmax(outputs, axis=1).tolist() == DIGITS.labels[:4].tolist()
    assert np.asarray(outputs, np.float64).dtype == np.float64


def test_several_outputs_are_not_one_array() -> None:
    both = type(playground.run(MODEL, DIGITS.images[:1]))({"a": X, "b": X}, "wasm")
    with pytest.raises(PlaygroundError, match=r"2 outputs are not one array. Use outputs\['a'\]"):
        np.asarray(both)


def test_models_reports_and_results_are_keys() -> None:
    again = gallery.open_model("digits-mlp")
    assert {MODEL: 1}[again] == 1
    assert {RESULT: 2, RESULT.report: 3}[RESULT] == 2
    assert hash(copy.deepcopy(MODEL)) == hash(MODEL)


def test_lists_are_shown_by_their_ids_on_one_line() -> None:
    assert repr(playground.formats()).startswith("82 number formats: int8, uint8, int7, ")
    assert repr(playground.calibrators()).startswith("14 calibrators: aciq_laplace, ")
    assert "pytorch" in repr(playground.conventions())
    for listed in (playground.formats(), playground.calibrators(), playground.conventions()):
        assert len(repr(listed)) < 240


def test_classes_still_are_what_others_look_at() -> None:
    """Copies, ``replace`` and abstract classes ask classes for names that they have not."""
    assert dataclasses.replace(SCHEME, format="int8") == playground.Scheme("int8")
    assert copy.deepcopy(RECIPE) == RECIPE
    assert not hasattr(playground.QTensor, "no_such_name")
    assert not hasattr(playground.QTensor, "__no_such_name__")
    assert playground.Recipe.from_json(RECIPE.to_json()) == RECIPE


def test_recipes_are_shown_as_one_types_them() -> None:
    rules = [{"pattern": "fc1.*"}, {"pattern": "fc2.*", "scheme": "int8", "op": "Gemm", "shape": [None, 64]}]
    recipe = playground.Recipe(rules=rules, algorithms=["gptq", "smoothquant:alpha=0.5"])  # type: ignore[arg-type]
    assert "Rule('fc1.*')" in repr(recipe)
    assert "AlgorithmCall('smoothquant', {'alpha': 0.5})" in repr(recipe)
    names = {"Recipe": playground.Recipe, "Scheme": playground.Scheme, "Rule": Rule, "AlgorithmCall": AlgorithmCall}
    assert eval(repr(recipe), names) == recipe  # noqa: S307
    assert ">gptq, smoothquant:alpha=0.5<" in recipe._repr_html_()


def test_notebooks_have_a_bar_for_each_code_and_numbers_at_the_right() -> None:
    shown = playground.quantize(X, "uint4", symmetric=False)._repr_html_()
    assert shown.count("<rect") == 16
    assert "how often each code is used, 0 to 15" in shown
    assert playground.quantize(X, "int8")._repr_html_().count("<rect") == 64
    row = notebook.table(("tensor", "size"), [("fc1.weight", "12 kB"), ("fc2.weight", "8 kB")])
    assert row.count("text-align:right") == 3  # the heading and both sizes
    assert row.count("text-align:left") == 3
