"""Algorithms, runtime and a partial result, chosen in the Model view."""

import math

import numpy as np
import pytest

from playground.app.model_jobs import ModelJobs
from playground.app.model_view import ModelView
from playground.app.workspace import Workspace
from playground.model.recipe import Override, Recipe
from playground.ptq.algorithms import algorithms
from playground.quantization import Scheme
from playground.settings import Settings
from playground.tasks import run_sync


@pytest.fixture
def view(workspace):
    return ModelView(workspace)


def test_every_algorithm_has_a_box_and_the_order_of_ticking_counts(view, workspace):
    card = view.recipe
    assert set(card.boxes) == set(algorithms())
    assert card.boxes["gptq"].description == algorithms()["gptq"].summary
    card.boxes["gptq"].value = True
    card.boxes["equalize"].value = True
    assert workspace.settings.algorithms == "gptq, equalize"
    card.boxes["gptq"].value = False
    assert workspace.settings.algorithms == "equalize"
    workspace.reset()
    assert not any(box.value for box in card.boxes.values())


def test_a_runtime_says_what_it_does_not_take_and_offers_what_it_does(view, workspace):
    card = view.recipe
    assert card.troubles.text == ""
    assert not card.fit.visible
    card.runtime.value = "bitsandbytes"
    assert "it computes in float" in card.troubles.text
    assert card.fit.visible
    assert "nf4" in view.widgets["weights"].options
    card.fit.clicks += 1
    assert workspace.settings.activations == "weight_only"
    assert card.troubles.text == ""
    assert "Its file has the weights, not the graph." in card.about.text
    assert not card.fit.visible


def test_the_form_of_the_file_is_chosen_where_it_is_an_onnx_file(view, workspace):
    card = view.recipe
    card.representation.value = "qoperator"
    assert workspace.settings.representation == "qoperator"
    assert card.troubles.text == ""
    workspace.change(weights="int4")
    assert "int4 has two in it" in card.troubles.text
    card.fit.clicks += 1
    assert (workspace.settings.representation, workspace.settings.weights) == ("qdq", "int4")
    assert card.troubles.text == ""
    workspace.change(runtime="gguf")
    assert not card.representation.visible
    workspace.reset()
    assert card.representation.visible


def test_what_a_link_asks_for_and_is_not_there_is_said():
    card = ModelView(Workspace(Settings(algorithms="alchemy", runtime="abacus"))).recipe
    assert "alchemy" in card.troubles.text
    assert "abacus" in card.troubles.text


def test_the_report_shows_each_algorithm_before_and_after(view, workspace):
    workspace.change(weights="int4", weights_granularity="tensor", algorithms="equalize, bias_correction")
    result = run_sync(ModelJobs(workspace).quantize_task())
    assert [applied.id for applied in result.report.algorithms] == ["equalize", "bias_correction"]
    assert "Cross-layer equalisation" in view.report.text
    assert "<th class=number>Before</th>" in view.report.text
    assert all(math.isfinite(value) for value in result.report.algorithms[1].after.values())
    workspace.change(algorithms="")
    assert workspace.result is None


def test_a_model_with_a_part_that_cannot_be_quantized_is_refused_with_an_offer_if_asked_to(page, refused, files):
    page.ask("load", files=(files.linear_model(op="Log"),))
    page.set(partial=False)
    with pytest.raises(refused) as refusal:
        page.ask("quantize")
    assert "Log" in refusal.value.message
    assert refusal.value.offer == "partial"
    assert "quantize the rest" in refusal.value.message
    page.set(partial=True)
    report = page.ask("quantize")["report"]
    assert any("is not finite" in warning for warning in report["warnings"])


def test_a_recipe_file_is_followed_until_it_is_removed(page, refused, files):
    recipe = Recipe(
        weights=Scheme("int4", "tensor"), overrides=(Override("fc3.weight", skip=True),), activations="weight_only"
    )
    answer = page.ask("recipe", files=(files.source(recipe.to_json().encode(), "mine.json"),))
    assert answer == {"name": "mine.json", "brings": "1 override"}
    state = page.said("state")[-1]["state"]
    assert (state["recipe_name"], state["settings"]["weights"]) == ("mine.json", "int4")
    assert Recipe.from_json(page.ask("export")["recipe"]) == recipe
    skipped = page.ask("quantize")["report"]["skipped"]
    assert "fc3.weight" in {entry["name"] for entry in skipped}
    with pytest.raises(refused):
        page.ask("recipe", files=(files.source(b"{", "broken.json"),))
    assert page.ask("state")["recipe_name"] == "mine.json"
    page.ask("recipe")
    assert page.ask("state")["recipe_name"] == ""
    assert page.ask("report") is None
    assert Recipe.from_json(page.ask("export")["recipe"]).overrides == ()


def test_after_a_restart_the_controls_stay_as_they_are(page, files):
    page.set(weights="int6", exclude="fc1*")
    page.ask("recipe", keep=True, files=(files.source(Recipe(prepare=True).to_json().encode(), "mine.json"),))
    made = Recipe.from_json(page.ask("export")["recipe"])
    assert (made.prepare, made.weights.format, made.rules[0].pattern) == (True, "int6", "fc1*")
    page.ask("reset")
    assert page.ask("state")["recipe_name"] == ""


def test_tensors_without_a_graph_are_written_for_runtimes_that_read_no_graph(workspace, files):
    workspace.open(files.npz(w=np.ones((4, 256), np.float32)))
    card = ModelView(workspace).recipe
    card.runtime.value = "gguf"
    assert "GGUF reads no int8 weights" in card.troubles.text
    workspace.change(weights="q4_k")
    assert card.troubles.text == ""
