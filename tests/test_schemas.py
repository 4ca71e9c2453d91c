"""The published schemas against what the package really writes, and against what it refuses to read."""

import json
from dataclasses import fields

import jsonschema
import numpy as np
import pytest

import playground
from playground import gallery
from playground.analysis.report_json import report_data
from playground.cli import main
from playground.errors import MissingError
from playground.model.recipe import AlgorithmCall, CalibrationSettings, Override, Rule
from playground.schemas import SCHEMAS, schema
from playground.settings import Settings

RECIPES = [
    playground.Recipe(),
    playground.Recipe(weights="int4", algorithms=["gptq", "smoothquant:alpha=0.5"], activations="weight-only"),
    playground.Recipe(
        rules=(
            Rule("conv*", None, op="Conv", shape=(None, 1, 3, 3)),
            Rule("fc*", playground.Scheme("int4", "channel", 0)),
        ),
        overrides=(Override("fc1.out", range=(-1.0, 2.0)), Override("fc2.out", scale=(0.5,), zero_point=(3,))),
        calibration=CalibrationSettings(samples=3),
        activation_scheme=playground.Scheme(
            "uint8", symmetric=False, calibrator="percentile", calibrator_args=(("percentile", 99.9),)
        ),
        algorithms=(AlgorithmCall("bias_correction"),),
        operators=("Conv", "Gemm"),
        biases="float",
        representation="QOperator",
    ),
]


def validator(name):
    found = schema(name)
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def faults(name, document):
    """What a schema has against a document, once it has been through JSON."""
    return [error.message for error in validator(name).iter_errors(json.loads(json.dumps(document)))]


def printed(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_schema_and_the_command_prints_it(name, capsys):
    validator(name)
    assert printed(capsys, "schema", name) == schema(name)
    assert main(["schema", name]) == 0
    assert json.loads(capsys.readouterr().out) == schema(name)


def test_an_unknown_schema_is_named():
    with pytest.raises(MissingError, match="there is no schema 'model'"):
        schema("model")


@pytest.mark.parametrize("recipe", RECIPES, ids=["default", "short", "all parts"])
def test_recipes_fit(recipe):
    assert faults("recipe", recipe.as_dict()) == []
    for _, scheme in recipe.weight_schemes():
        assert faults("scheme", scheme.as_dict()) == []


@pytest.mark.parametrize(
    "document",
    [
        {"weights": "int4"},
        {"weights": {"format": "int4", "granularity": "channel"}, "algorithms": ["gptq", {"id": "hqq"}]},
        {"version": 1, "rules": [{"pattern": "fc*"}]},
    ],
)
def test_what_people_write_fits_and_is_read(document):
    assert faults("recipe", document) == []
    playground.Recipe.from_dict(document)


@pytest.mark.parametrize(
    "document",
    [
        {"weights": "int40"},
        {"wieghts": "int4"},
        {"activations": "sometimes"},
        {"overrides": [{"scheme": "int4"}]},
        {"prepare": "yes"},
        {"weights": {"format": "int4", "granularity": "column"}},
    ],
)
def test_what_is_refused_does_not_fit(document):
    assert faults("recipe", document) != []
    with pytest.raises(playground.PlaygroundError):
        playground.Recipe.from_dict(document)


@pytest.mark.parametrize("format_id", playground.formats())
def test_schemes_of_every_format_fit(format_id):
    scheme = playground.Scheme(format_id)
    assert faults("scheme", scheme.as_dict()) == []


def test_settings_fit_and_what_they_refuse_does_not():
    changed = Settings().with_(format="nf4", lo=-0.5, channel=3, formats="", zoom=True)
    assert faults("settings", Settings().as_dict()) == []
    assert faults("settings", changed.as_dict()) == []
    for wrong in ({"format": "int40"}, {"percentile": 20}, {"axis": 1.5}, {"colour": "red"}, {"zoom": "on"}):
        assert faults("settings", wrong) != []
        with pytest.raises(playground.PlaygroundError):
            Settings().with_(**wrong)


def test_every_setting_has_its_default():
    properties = schema("settings")["properties"]
    assert {f.name: properties[f.name]["default"] for f in fields(Settings)} == {
        name: value for name, value in Settings().as_dict().items() if name != "version"
    }


def test_reports_fit(tmp_path, capsys):
    model, samples = gallery.open_model("digits-convnet"), gallery.calibration("digits-convnet")
    recipe = playground.Recipe(algorithms=["bias_correction"], rules=[{"pattern": "fc*"}])
    result = playground.quantize_model(model, recipe, samples)
    assert faults("report", result.report.as_dict()) == []
    assert faults("report", report_data(result)) == []
    written = printed(capsys, "quantize", "gallery:digits-mlp", "-o", str(tmp_path / "small.onnx"), "--no-verify")
    assert faults("report", written) == []
    del written["tensors"][0]["sqnr_db"]
    assert faults("report", written) == ["'sqnr_db' is a required property"]


def test_what_inspect_prints_fits(tmp_path, capsys):
    np.savez(tmp_path / "weights.npz", w=np.eye(3, dtype=np.float32), empty=np.zeros((0, 2), np.float32))
    for arguments in (
        ["gallery:digits-mlp", "--ranges"],
        ["gallery:moby-dick-transformer", "--shape", "tokens=1,128"],
        [str(tmp_path / "weights.npz"), "--ranges"],
    ):
        assert faults("inspect", printed(capsys, "inspect", *arguments)) == []


def test_what_compare_prints_fits(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", same=np.ones(3, np.float32), shape=np.ones(2, np.float32), only=np.ones(1, np.float32))
    np.savez(tmp_path / "b.npz", same=np.ones(3, np.float32), shape=np.ones(4, np.float32), new=np.zeros(1, np.float32))
    found = printed(capsys, "compare", str(tmp_path / "a.npz"), str(tmp_path / "b.npz"))
    assert [pair["sqnr_db"] for pair in found["pairs"]] == [None]  # infinite, which JSON cannot hold
    assert faults("compare", found) == []


def test_what_a_docstring_says_is_the_description():
    described = schema("report")["properties"]["calibration_samples"]["description"]
    assert described == "how many samples the ranges of activations come from; 0 if there was no need."
