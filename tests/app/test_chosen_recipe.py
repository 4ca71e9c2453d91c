"""The Model view's recipe, and what a runtime says to it before anything is computed."""

import pytest

from playground import gallery
from playground.app.chosen_recipe import fitting, obstacles, recipe_of
from playground.errors import InvalidInputError
from playground.model.runtimes import runtimes
from playground.settings import Settings


def test_algorithms_keep_their_order_and_the_runtime_its_codes():
    recipe = recipe_of(Settings(algorithms="gptq, equalize,gptq", runtime="tflite", partial=True))
    assert [call.id for call in recipe.algorithms] == ["gptq", "equalize"]
    assert (recipe.runtime, recipe.partial, recipe.activation_scheme.format) == ("tflite", True, "int8")
    assert recipe_of(Settings()).activation_scheme.format == "uint8"


def test_nothing_stands_in_the_way_of_what_the_page_opens_with():
    assert obstacles(Settings(), gallery.open_model("digits-mlp").graph) == []


@pytest.mark.parametrize(
    ("settings", "what", "why"),
    [
        (Settings(runtime="tflite", weights="uint8"), "TensorFlow Lite reads no uint8 weights", "signed codes"),
        (Settings(runtime="bitsandbytes"), "bitsandbytes has no 'static' activations", "it computes in float"),
        (Settings(runtime="gguf", activations="weight_only"), "GGUF reads no int8 weights", "layouts of their own"),
        (Settings(weights="nf4"), "format 'nf4' is not available yet in ONNX files", "Use one of"),
        (Settings(runtime="abacus"), "'abacus' is not accepted", "Use one of"),
    ],
)
def test_what_a_runtime_does_not_take_is_said_with_the_reason(settings, what, why):
    found = obstacles(settings, gallery.open_model("digits-mlp").graph)
    assert what in found[0]
    assert why in found[0]


@pytest.mark.parametrize("runtime", list(runtimes()))
@pytest.mark.parametrize("weights", ["uint8", "int8", "nf4", "q4_0", "int3"])
@pytest.mark.parametrize("activations", ["static", "dynamic", "weight_only"])
def test_what_fits_is_taken(runtime, weights, activations):
    settings = Settings(runtime=runtime, weights=weights, activations=activations)
    fitted = settings.with_(**fitting(settings))
    assert not runtimes()[runtime].restrictions(recipe_of(fitted))
    assert fitting(fitted) == {}


def test_an_unknown_runtime_has_nothing_to_fit():
    with pytest.raises(InvalidInputError, match="abacus"):
        fitting(Settings(runtime="abacus"))
