"""The cards about layers: the sentence, the plots, and points that become the recipe."""

import math
from dataclasses import replace

import numpy as np
import pytest

from playground.analysis.precision_front import undominated
from playground.app.analysis_card import NOTHING
from playground.app.analysis_jobs import AnalysisJobs
from playground.app.model_jobs import ModelJobs, recipe_of
from playground.app.model_view import ModelView
from playground.app.workspace import Workspace
from playground.errors import CancelledError, MissingError
from playground.settings import Settings
from playground.tasks import run_sync


@pytest.fixture
def coarse():
    """The convolutional net at 4 bits, one scale a tensor."""
    return Workspace(Settings(model="digits-convnet", tensor="", weights="int4", weights_granularity="tensor"))


@pytest.fixture
def view(coarse):
    return ModelView(coarse)


@pytest.fixture
def jobs(coarse):
    return AnalysisJobs(coarse, ModelJobs(coarse))


def columns(view):
    data = view.source.data
    return {name: dict(zip(data["name"], column, strict=True)) for name, column in data.items()}


def test_before_anything_is_measured(view):
    card = view.analysis
    assert "The result is shown here" in card.sentence.text
    assert not card.harm.figure.visible
    assert not card.front.figure.visible
    assert not card.choice.visible
    assert all(math.isnan(value) for value in columns(view)["share"].values())


def test_sensitivity_answers_in_a_sentence_in_plots_and_in_the_table(view, coarse, jobs):
    answer = run_sync(jobs.sensitivity_task())
    card, found = view.analysis, coarse.sensitivity
    assert answer["verdict"].startswith("depthwise2 hurts most: ")
    assert "depthwise2 hurts most: " in card.sentence.text
    assert "measured on 360 samples" in card.sentence.text
    assert card.harm.figure.visible
    assert "Cost of quantizing each layer" in card.legend.text
    assert "SQNR of each layer&#x27;s output" in card.key.text
    names = card.harm.source.data["layer"]
    by_name = {result.layer.node: result for result in found.layers}
    assert sorted(names) == sorted(by_name)
    assert names[0] == "depthwise2"  # what the sentence names
    assert card.harm.figure.y_range.factors == names[::-1]  # the worst layer is on top
    gained, lost = card.harm.source.data["upper"], card.harm.source.data["lower"]
    assert gained == sorted(gained, reverse=True)
    assert gained[3] == pytest.approx(found.quantized.cross_entropy - by_name[names[3]].without.cross_entropy)
    assert lost[3] == pytest.approx(by_name[names[3]].alone.cross_entropy - found.original.cross_entropy)
    assert card.noise.source.data["layer"] == names
    assert card.noise.source.data["upper"] == [by_name[name].local["sqnr_db"] for name in names]
    assert card.noise.source.data["lower"] == [by_name[name].accumulated["sqnr_db"] for name in names]
    table, worst = columns(view), next(r for r in found.layers if r.layer.node == "pointwise1")
    assert table["share"]["pointwise1.weight"] == pytest.approx(100 * worst.share)
    assert table["output"]["pointwise1.weight"] == worst.local["sqnr_db"]
    assert table["piled"]["pointwise1.weight"] == worst.accumulated["sqnr_db"]
    assert math.isnan(table["share"]["pointwise1.bias"])


def test_without_labels_distances_of_the_answers_are_drawn(view, coarse, jobs):
    run_sync(jobs.sensitivity_task())
    found, plot = coarse.sensitivity, view.analysis.harm

    def unlabelled(measured):
        return measured and replace(measured, accuracy=None, cross_entropy=None)

    layers = [replace(r, alone=unlabelled(r.alone), without=unlabelled(r.without)) for r in found.layers]
    bare = replace(
        found, original=unlabelled(found.original), quantized=unlabelled(found.quantized), layers=tuple(layers)
    )
    plot.show(bare)
    assert plot.figure.xaxis[0].axis_label == "KL divergence, nats"
    lost = [r.alone.distance for r in found.layers if r.alone]
    assert sorted(value for value in plot.source.data["lower"] if value) == pytest.approx(sorted(lost))


def test_another_recipe_makes_the_answer_one_of_before(view, coarse, jobs):
    run_sync(jobs.sensitivity_task())
    assert "Before the last change" not in view.analysis.sentence.text
    coarse.change(weights="int8")
    assert coarse.sensitivity is None
    assert view.analysis.harm.figure.visible
    assert "Before the last change" in view.analysis.sentence.text
    run_sync(ModelJobs(coarse).quantize_task())
    assert not view.analysis.harm.figure.visible
    assert "hurts most" not in view.analysis.sentence.text


@pytest.mark.slow
def test_a_point_becomes_the_recipe_and_the_points_stay(view, coarse, jobs):
    run_sync(jobs.mixed_task())
    card, mixed = view.analysis, coarse.mixed
    assert card.front.figure.visible
    points = undominated(mixed.points)
    assert card.front.points.data["size"] == [point.bytes / 1000 for point in points]
    at = len(points) // 2
    card.front.points.selected.indices = [at]
    point = points[at]
    recipe = recipe_of(coarse)
    assert {name: recipe.scheme_for(name).format for name in point.formats} == point.formats
    assert coarse.mixed is mixed
    assert coarse.result is None  # it has to be quantized anew
    assert "Quantize the model" in card.chosen.text
    assert all(f"{name} {chosen}" in view.override.chosen.text for name, chosen in point.formats.items())
    result = run_sync(ModelJobs(coarse).quantize_task())
    assert {t.name: t.scheme["format"] for t in result.report.tensors} == point.formats
    assert result.report.bytes_after == point.bytes
    assert coarse.compared.quantized.accuracy == pytest.approx(point.measured.accuracy, abs=2 / 360)


@pytest.mark.slow
def test_points_can_be_chosen_from_a_list_too(view, coarse, jobs):
    run_sync(jobs.mixed_task())
    card = view.analysis
    assert len(card.choice.options) == 1 + len({*card._points})
    card.choice.value = next(label for label in card.choice.options if label.endswith("int5 for all"))
    assert (coarse.settings.weights, coarse.settings.formats) == ("int5", "")
    card.front.uniform.selected.indices = [0]
    assert coarse.settings.weights == "int2"
    card.choice.value = NOTHING
    assert coarse.settings.weights == "int2"


@pytest.mark.slow
def test_points_leave_when_other_tensors_are_quantized(view, coarse, jobs):
    run_sync(jobs.mixed_task())
    coarse.change(exclude="fc*")
    assert coarse.mixed is None
    assert not view.analysis.front.figure.visible


@pytest.mark.parametrize("which", ["sensitivity_task", "mixed_task"])
def test_what_is_cancelled_leaves_nothing_behind(coarse, jobs, which):
    run_sync(ModelJobs(coarse).quantize_task())
    result = coarse.result
    work = getattr(jobs, which)()
    for _ in range(40):
        next(work)
    work.close()
    assert (coarse.sensitivity, coarse.mixed) == (None, None)
    assert coarse.result is result


def test_what_is_measured_while_the_recipe_changes_is_not_shown(coarse, jobs):
    run_sync(ModelJobs(coarse).quantize_task())
    work = jobs.sensitivity_task()
    next(work)
    coarse.change(weights="int8")
    with pytest.raises(CancelledError, match="changed during the analysis"):
        run_sync(work)
    assert coarse.sensitivity is None


def test_an_uploaded_model_is_measured_on_its_calibration_data(files):
    workspace = Workspace(Settings())
    workspace.open(files.linear_model())
    models = ModelJobs(workspace)
    jobs = AnalysisJobs(workspace, models)
    assert run_sync(jobs.sensitivity_task())["verdict"].startswith("The samples are random")
    rng = np.random.default_rng(0)
    models.calibration.use_npz(files.npz(x=rng.normal(size=(50, 4)).astype(np.float32)))
    assert workspace.sensitivity is None
    answer = run_sync(jobs.sensitivity_task())
    assert not answer["verdict"].startswith("Made-up")
    assert answer["sensitivity"]["samples"] == 50


@pytest.mark.slow
def test_the_report_as_a_page(coarse, jobs):
    with pytest.raises(MissingError, match="no model has been quantized"):
        jobs.page()
    run_sync(jobs.sensitivity_task())
    text = jobs.page().decode()
    assert "depthwise2 hurts most" in text
    assert "360 samples, labelled" in text
    assert "Bits for each layer" not in text
    run_sync(jobs.mixed_task())
    assert "Bits for each layer" in jobs.page().decode()


@pytest.mark.slow
def test_the_page_gets_answers_with_the_model_that_was_made_for_them(open_page):
    page = open_page("?model=digits-convnet&weights=int4&weights_granularity=tensor")
    for request in ("sensitivity", "mixed"):
        answer = page.ask(request)
        assert page.buffers[0] == page.workspace.result.onnx
        assert answer["report"]["tensors"]
        assert answer["name"] == "digits-convnet-int4.onnx"
    progress = page.said("progress")
    assert any(message["seconds_left"] for message in progress)
    assert page.ask("report_page")["name"] == "report.html"
    assert page.buffers[0].startswith(b"<!doctype html>")


def test_made_up_inputs_are_called_that_and_no_samples(page, files):
    view = ModelView(page.workspace)
    page.ask("load", [files.linear_model()])
    page.ask("sensitivity")
    assert "8 made-up inputs" in view.analysis.sentence.text
    assert "measured on" not in view.analysis.sentence.text
