"""The card "Fix it": what was tried and measured, and remedies that become the recipe."""

from html import escape

import pytest

from playground.app.analysis_jobs import AnalysisJobs
from playground.app.model_jobs import ModelJobs, recipe_of
from playground.app.model_view import ModelView
from playground.app.remedy_card import NOTHING, RemedyCard
from playground.app.workspace import Workspace
from playground.errors import InvalidInputError
from playground.model.recipe import Recipe, Rule
from playground.quantization import Scheme
from playground.render.remedies_told import row, trials
from playground.render.verdict import verdict
from playground.settings import Settings, from_query
from playground.tasks import run_sync


@pytest.fixture
def coarse():
    """The convolutional net at 4 bits, one scale a tensor."""
    return Workspace(Settings(model="digits-convnet", tensor="", weights="int4", weights_granularity="tensor"))


@pytest.mark.slow
def test_a_remedy_becomes_the_recipe_and_gains_what_was_measured(coarse):
    view, jobs = ModelView(coarse), AnalysisJobs(coarse, ModelJobs(coarse))
    assert "Tries what may reduce the error" in view.remedies.found.text
    assert not view.remedies.choice.visible
    run_sync(jobs.sensitivity_task())
    run_sync(jobs.improve_task())
    found, card = coarse.improvement, view.remedies
    assert found.best is not None
    assert f"best is {found.best.name}" in card.found.text
    # all that were tried are listed with what they gain, not only those that can be chosen
    assert found.useless == tuple(trial.name for trial in found.idle)
    assert all(escape(row(trial)[0]) in card.table.text for trial in (*found.listed, *found.idle))
    assert card.table.text.count("<tr>") == 1 + len(trials(found)) + len(found.idle)
    assert f"Of {len(found.listed) + len(found.idle)} remedies tried" in card.found.text
    # the verdict advises what was measured, and nothing else
    told = verdict(coarse.sensitivity, found)
    assert told in view.analysis.sentence.text
    assert f"best is {found.best.name}: cross-entropy falls from" in told
    assert "leave it in float" not in told
    for name in ("one scale for each channel", "Bias correction", "depthwise2 in float", found.best.name):
        trial = next(trial for trial in (*found.listed, found.best) if trial.name == name)
        card.choice.value = name
        assert recipe_of(coarse) == trial.recipe
        # the one who follows the link has the same recipe
        linked, problems = from_query(coarse.settings.query())
        assert (recipe_of(Workspace(linked)), problems) == (trial.recipe, ())
        assert coarse.result is None  # it has to be quantized anew
        assert coarse.improvement is found
        assert f"Chosen: {name}. Quantize the model to apply it." in card.found.text
        run_sync(ModelJobs(coarse).quantize_task())
        assert (card.choice.value, f"The quantized model is with {name}." in card.found.text) == (name, True)
        assert coarse.improvement is found  # and another one can be chosen
        assert coarse.compared.quantized.cross_entropy == pytest.approx(trial.measured.cross_entropy, rel=0.02)
    run_sync(jobs.sensitivity_task())
    page = jobs.page().decode()
    assert "Fix it: remedies that were tried" in page
    assert f"{found.best.name} (in this model)" in page
    assert "best is" not in view.analysis.sentence.text  # that was about the model without a remedy
    coarse.change(weights="int8")
    assert coarse.improvement is None
    assert "Before the last change" in card.found.text
    run_sync(ModelJobs(coarse).quantize_task())
    assert card.choice.options == [NOTHING]


@pytest.mark.slow
def test_what_the_controls_lack_of_a_recipe_stays_a_recipe_and_is_said(coarse, files):
    card, jobs = RemedyCard(coarse), AnalysisJobs(coarse, ModelJobs(coarse))
    opened = Recipe(weights=Scheme("int4"), rules=(Rule("*", Scheme("int6"), op="Gemm"),))
    ModelJobs(coarse).use_recipe(files.source(opened.to_json().encode(), "mine.json"))
    run_sync(jobs.improve_task())
    trial = coarse.improvement.listed[0]
    card.choice.value = trial.name
    assert recipe_of(coarse) == trial.recipe
    assert coarse.recipe == trial.recipe
    assert "The link cannot hold it" in card.found.text


def test_cancelled_it_leaves_nothing_and_made_up_inputs_are_refused(coarse, files):
    jobs = AnalysisJobs(coarse, ModelJobs(coarse))
    run_sync(ModelJobs(coarse).quantize_task())
    result, work = coarse.result, jobs.improve_task()
    for _ in range(40):
        next(work)
    work.close()
    assert coarse.improvement is None
    assert coarse.result is result
    workspace = Workspace(Settings())
    workspace.open(files.linear_model())
    with pytest.raises(InvalidInputError, match="made-up inputs cannot tell what helps"):
        run_sync(AnalysisJobs(workspace, ModelJobs(workspace)).improve_task())
