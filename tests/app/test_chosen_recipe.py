"""The Model view's recipe, and what a runtime says to it before anything is computed."""

import json
from dataclasses import replace

import pytest

from playground import gallery
from playground.analysis.remedies import Remedy
from playground.app.chosen_recipe import changes_of, described, expressed, fitting, obstacles, read_recipe, recipe_of
from playground.errors import BadFileError, InvalidInputError
from playground.limits import MOST_RECIPE_BYTES
from playground.model.recipe import AlgorithmCall, Override, Recipe, Rule
from playground.model.runtimes import runtimes
from playground.quantization import Scheme
from playground.settings import Settings, from_query


def test_algorithms_keep_their_order_and_the_runtime_its_codes():
    recipe = recipe_of(Settings(algorithms="gptq, equalize,gptq", runtime="tflite", partial=True))
    assert [call.id for call in recipe.algorithms] == ["gptq", "equalize"]
    assert (recipe.runtime, recipe.partial, recipe.activation_scheme.format) == ("tflite", True, "int8")
    assert recipe_of(Settings()).activation_scheme.format == "uint8"


def test_nothing_stands_in_the_way_of_what_the_page_opens_with():
    assert obstacles(Settings(), gallery.open_model("digits-mlp")) == []


@pytest.mark.parametrize(
    ("settings", "what", "why"),
    [
        (Settings(runtime="tflite", weights="uint8"), "TensorFlow Lite reads no uint8 weights", "signed codes"),
        (Settings(runtime="bitsandbytes"), "bitsandbytes has no 'static' activations", "it computes in float"),
        (Settings(runtime="gguf", activations="weight_only"), "GGUF reads no int8 weights", "layouts of their own"),
        (Settings(runtime="tflite", representation="qoperator"), "operators on codes (QOperator)", "reads none"),
        (Settings(weights="int4", representation="qoperator"), "int4 has two in it", "or the form 'QDQ' of the"),
        (Settings(weights="nf4"), "integer operators of ONNX take no weights of format 'nf4'", "Use one of"),
        (Settings(runtime="abacus"), "'abacus' is not a runtime", "Use one of"),
    ],
)
def test_what_a_runtime_does_not_take_is_said_with_the_reason(settings, what, why):
    found = obstacles(settings, gallery.open_model("digits-mlp"))
    assert what in found[0]
    assert why in found[0]


@pytest.mark.parametrize("runtime", list(runtimes()))
@pytest.mark.parametrize("weights", ["uint8", "int8", "nf4", "q4_0", "int3"])
@pytest.mark.parametrize("activations", ["static", "dynamic", "weight_only"])
@pytest.mark.parametrize("representation", ["qdq", "qoperator"])
def test_what_fits_is_taken(runtime, weights, activations, representation):
    settings = Settings(runtime=runtime, weights=weights, activations=activations, representation=representation)
    fitted = settings.with_(**fitting(settings))
    assert not runtimes()[runtime].restrictions(recipe_of(fitted))
    assert fitting(fitted) == {}


def test_an_unknown_runtime_has_nothing_to_fit():
    with pytest.raises(InvalidInputError, match="abacus"):
        fitting(Settings(runtime="abacus"))


def test_an_opened_recipe_lies_below_the_controls():
    opened = Recipe(
        rules=(Rule("fc1*", Scheme("int4")), Rule("*", Scheme("int6", "channel"), op="Gemm"), Rule("fc2*")),
        weights=Scheme("int8", "channel", symmetric=False),
        activation_scheme=Scheme("int8", symmetric=True),
        overrides=(Override("fc3.weight", skip=True),),
        algorithms=(AlgorithmCall("gptq", {"damping": 0.5}),),
        prepare=True,
    )
    shown = Settings(exclude="left", formats="over=int3").with_(**changes_of(opened))
    assert (shown.exclude, shown.formats, shown.algorithms) == ("", "", "gptq")
    assert recipe_of(shown, opened) == opened
    moved = recipe_of(shown.with_(exclude="fc1*", formats="fc2*=int5", weights="int5", algorithms="hqq, gptq"), opened)
    assert [rule.pattern for rule in moved.rules] == ["fc1*", "fc2*", "*"]
    assert [rule.scheme and rule.scheme.format for rule in moved.rules] == [None, "int5", "int6"]
    assert moved.weights == Scheme("int5", "channel")
    assert [call.parameters for call in moved.algorithms] == [(), (("damping", 0.5),)]
    assert (moved.overrides, moved.prepare) == (opened.overrides, True)
    assert recipe_of(shown.with_(activations="dynamic"), opened).activation_scheme == Scheme("uint8", symmetric=False)


def test_the_calibrator_of_activations_is_a_control():
    plain = Scheme("uint8", symmetric=False)
    for settings, wanted in (
        (Settings(), plain),
        (Settings(activation_calibrator="mse"), replace(plain, calibrator="mse")),
        (
            Settings(activation_calibrator="percentile", activation_percentile=99.5),
            replace(plain, calibrator="percentile", calibrator_args=(("percentile", 99.5),)),
        ),
        (Settings(activations="dynamic", activation_calibrator="mse"), plain),
    ):
        assert recipe_of(settings).activation_scheme == wanted


def test_an_opened_calibrator_keeps_its_arguments_until_the_controls_say_another():
    arguments = {"percentile": 99.0, "num_bins": 512}
    scheme = Scheme("int8", symmetric=True, calibrator="percentile", calibrator_args=arguments)
    opened = Recipe(activation_scheme=scheme)
    shown = Settings().with_(**changes_of(opened))
    assert (shown.activation_calibrator, shown.activation_percentile) == ("percentile", 99)
    assert recipe_of(shown, opened) == opened
    moved = recipe_of(shown.with_(activation_percentile=90), opened).activation_scheme
    assert moved == replace(scheme, calibrator_args=(("percentile", 90.0),))
    plain = Recipe(activation_scheme=replace(scheme, calibrator_args=()))
    shown = Settings().with_(**changes_of(plain))
    assert shown.activation_percentile == 99.999
    assert recipe_of(shown, plain) == plain


@pytest.mark.parametrize(
    "remedies",
    [
        [Remedy("channel", "", "")],
        [Remedy("algorithm", "bias_correction", ""), Remedy("calibrator", "percentile", "")],
        [Remedy("calibrator", "entropy", ""), Remedy("float", "fc1, [100 %] *", "")],
        [Remedy("float", "a", ""), Remedy("float", "b", "")],
    ],
)
def test_remedies_are_expressed_by_the_controls_and_so_by_the_link(remedies):
    settings = Settings(weights="int4", weights_granularity="tensor", exclude="fc3, c*", formats="fc2*=int6")
    recipe = recipe_of(settings)
    for remedy in remedies:
        recipe = remedy.applied(recipe)
    changes = expressed(recipe, settings)
    linked, problems = from_query(settings.with_(**changes).query())
    assert (recipe_of(linked), problems) == (recipe, ())
    assert expressed(recipe, Settings()) == changes


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(prepare=True),
        Recipe(rules=(Rule("*", Scheme("int8"), op="Gemm"),)),
        Recipe(weights=Scheme("int8", "channel", axis=1)),
        Recipe(rules=tuple(Rule(f"layer{n}" * 9) for n in range(40))),
    ],
)
def test_what_the_controls_do_not_have_is_not_expressed(recipe):
    assert expressed(recipe, Settings()) is None


def test_recipes_of_other_tools_are_read_on_top_of_the_controls(files):
    tool = files.source(json.dumps({"fc1.weight": [{"quant_type": "QUInt8", "symmetric": False}]}).encode(), "ort.json")
    recipe = read_recipe(tool, Settings(weights="int4"))
    assert recipe.weights == Scheme("int4", "channel")
    assert [override.tensor for override in recipe.overrides] == ["fc1.weight"]
    assert described(recipe) == "1 override"


@pytest.mark.parametrize("content", [b"", b"\xff", b"[1]", b'{"version": 9}', b'{"rules": [{}]}', b"{" * 100_000])
def test_what_is_no_recipe_is_refused_and_named(files, content):
    with pytest.raises(InvalidInputError, match=r"mine\.json"):
        read_recipe(files.source(content, "mine.json"), Settings())


def test_a_file_too_large_for_a_recipe_is_not_read(files):
    with pytest.raises(BadFileError, match="Use a JSON file of at most"):
        read_recipe(files.source(b" " * (MOST_RECIPE_BYTES + 1), "big.json"), Settings())


@pytest.mark.parametrize("activations", ["static", "dynamic", "weight_only"])
def test_a_model_with_a_graph_is_written_for_tflite_with_activations_of_any_kind(activations):
    model = gallery.open_model("digits-mlp")
    settings = Settings(runtime="tflite", activations=activations)
    assert obstacles(settings, model) == []
    assert fitting(settings) == {}
    told = obstacles(settings.with_(weights="int4"), model)
    assert len(told) == (3 if activations == "dynamic" else 0)
    assert all("multiplies no dynamic activations with int4 weights in Gemm" in each for each in told)
