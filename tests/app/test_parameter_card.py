"""Parameters of algorithms in the Model view: made from what the algorithms declare, kept in settings and recipe."""

import json

import pytest

from playground.app.exporting import exports
from playground.app.model_jobs import ModelJobs, recipe_of
from playground.app.model_view import ModelView
from playground.app.workspace import Workspace
from playground.model.recipe import AlgorithmCall, Recipe
from playground.ptq.algorithms import algorithms
from playground.settings import Settings
from playground.tasks import run_sync


@pytest.fixture
def view(workspace):
    return ModelView(workspace)


def test_every_declared_parameter_has_a_control_with_its_bounds_and_meaning(view):
    declared = {(a.id, p.name): p for a in algorithms().values() for p in a.parameters}
    assert set(view.parameters.widgets) == set(declared)
    for key, widget in view.parameters.widgets.items():
        parameter = declared[key]
        assert widget.label == parameter.name
        assert widget.value == parameter.default
        if hasattr(widget, "start"):
            assert (widget.start, widget.end) == (parameter.minimum, parameter.maximum)
            assert parameter.summary in widget.helper_text
        else:
            assert (parameter.minimum, parameter.maximum, widget.description) == (0, 1, parameter.summary)


def test_only_those_of_ticked_algorithms_are_shown(view, workspace):
    card = view.parameters
    assert not any(group.visible for group in card.groups.values())
    assert card.about.visible
    view.recipe.boxes["gptq"].value = True
    assert [name for name, group in card.groups.items() if group.visible] == ["gptq"]
    assert not card.about.visible


def test_a_moved_control_is_in_the_recipe_and_the_link(view, workspace):
    workspace.change(algorithms="gptq, adaround")
    view.parameters.widgets["gptq", "damping"].value = 0.05
    view.parameters.widgets["gptq", "ordered"].value = False
    view.parameters.widgets["adaround", "steps"].value = 7
    assert workspace.settings.parameters == "gptq.damping=0.05, gptq.ordered=0, adaround.steps=7"
    calls = recipe_of(workspace).algorithms
    assert calls == (AlgorithmCall("gptq", {"damping": 0.05, "ordered": 0}), AlgorithmCall("adaround", {"steps": 7}))
    exported = json.loads(exports(workspace, ModelJobs(workspace))["recipe"])["algorithms"]
    assert exported[1] == {"id": "adaround", "parameters": {"steps": 7}}
    assert "parameters=gptq.damping%3D0.05" in workspace.settings.query()
    view.parameters.widgets["gptq", "damping"].value = 0.01  # as if nothing had been said
    view.parameters.widgets["adaround", "steps"].value = None
    assert workspace.settings.parameters == "gptq.ordered=0"
    workspace.reset()
    assert view.parameters.widgets["gptq", "ordered"].value is True


def test_they_do_what_they_say(view, workspace):
    workspace.change(algorithms="magnitude_pruning")
    shares = []
    for sparsity in (0.2, 0.6):
        view.parameters.widgets["magnitude_pruning", "sparsity"].value = sparsity
        result = run_sync(ModelJobs(workspace).quantize_task())
        (applied,) = result.report.algorithms
        assert applied.parameters["sparsity"] == sparsity
        shares.append(next(iter(applied.after.values())))
    assert shares == pytest.approx([0.2, 0.6], abs=0.05)


def test_those_of_an_opened_recipe_are_shown_and_can_be_moved(view, workspace, files):
    recipe = Recipe(algorithms=(AlgorithmCall("gptq", {"damping": 0.5}), AlgorithmCall("hqq")))
    ModelJobs(workspace).use_recipe(files.source(recipe.to_json().encode(), "mine.json"))
    widget = view.parameters.widgets["gptq", "damping"]
    assert widget.value == 0.5
    assert recipe_of(workspace).algorithms == recipe.algorithms
    widget.value = 0.01
    assert recipe_of(workspace).algorithms == (AlgorithmCall("gptq"), AlgorithmCall("hqq"))


@pytest.mark.parametrize(
    ("parameters", "told"),
    [("gptq.damping=7", "Use a number from 1e-06 to 1"), ("gptq.sauce=1", "gptq has no parameter"),
     ("gptq.ordered=0.5", "Use an integer from 0 to 1")],
)  # fmt: skip
def test_what_a_link_asks_for_and_is_not_accepted_is_said(parameters, told):
    view = ModelView(Workspace(Settings(algorithms="gptq", parameters=parameters)))
    assert told in view.recipe.troubles.text.replace("&#x27;", "'")
