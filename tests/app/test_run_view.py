"""The Run view shows what the workspace holds, and nothing that is out of date."""

from dataclasses import replace

import numpy as np
import pytest

from playground.analysis.answer_kinds import SHARE, Measure
from playground.analysis.race import ORT_FLOAT, ORT_INT8, OURS, Lap, Race
from playground.app.model_jobs import ModelJobs
from playground.app.run_view import RunView
from playground.render.engines import engines_table
from playground.tasks import run_sync


@pytest.fixture
def view(workspace):
    return RunView(workspace)


def test_answers(view, workspace):
    run_sync(ModelJobs(workspace).sample_task({"index": 0}))
    assert view.plot.source.data["float"] == list(workspace.answer.original)
    assert view.plot.source.data["quantized"] == list(workspace.answer.quantized)
    assert workspace.answer.sentence in view.heading.text
    assert f"{100 * workspace.compared.agreement:.1f} %" in view.numbers.text


def test_engines(view, workspace):
    run_sync(ModelJobs(workspace).race_task())
    engines, steps = view.engines.text.split("Time by step")
    assert engines.count("<tr>") == 4
    assert steps.count("<tr>") == 1 + len(workspace.race.profile.steps)
    assert all(lap.engine in view.engines.text for lap in workspace.race.laps)
    assert engines.count(" ms") == 6
    assert engines.count('class="lap"') == 3
    assert (engines.count("fastest"), engines.count("× as long")) == (1, 2)


def test_another_model_clears_the_view(view, workspace):
    jobs = ModelJobs(workspace)
    run_sync(jobs.sample_task({"index": 0}))
    run_sync(jobs.race_task())
    workspace.change(model="digits-convnet")
    assert "Choose a sample" in view.numbers.text
    assert "Compare the engines" in view.engines.text
    assert view.heading.text.count("say") == 0
    assert view.plot.source.data["float"] == [0] * 10


@pytest.mark.parametrize(
    ("model", "asked"), [("moby-dick-transformer", "Type a text"), ("breast-cancer-mlp", "Choose an .npz")]
)
def test_a_model_that_reads_no_digits_has_no_plot_of_digits(view, workspace, model, asked):
    assert view.plot.figure.visible
    workspace.change(model=model)
    assert not view.plot.figure.visible
    assert asked in view.heading.text
    assert asked in view.numbers.text
    assert "draw" not in view.numbers.text
    workspace.change(model="digits-mlp")
    assert view.plot.figure.visible


def test_outputs_on_given_inputs_stand_in_a_table(view, workspace):
    workspace.change(model="breast-cancer-mlp")
    jobs = ModelJobs(workspace)
    x = np.zeros((3, 30), np.float32)
    (name,) = (value.name for value in jobs.graph().inputs)
    told = run_sync(jobs.run_inputs_task({name: x.tolist()}, []))
    (row,) = workspace.ran.rows
    assert row[1] == "3 × 2"
    assert all(cell in view.heading.text for cell in row)
    assert row[3].endswith(" dB")
    assert told["sentence"] == workspace.ran.sentence
    workspace.change(weights="int4")
    assert workspace.ran is None
    assert "Before the last change" in view.heading.text
    workspace.change(model="digits-mlp")
    workspace.change(model="breast-cancer-mlp")
    assert "Choose an .npz" in view.heading.text


def test_where_our_kernels_do_not_run_nothing_is_compared_with_them(view, workspace):
    ran = Lap(ORT_INT8, 2.0, 2.5, 0, Measure("Agreement", 1.0, SHARE, ""), 0.0)
    half = Lap(ORT_FLOAT, 1.0, 1.5, 0, Measure("Agreement", 0.5, SHARE, ""), 0.25)
    workspace.race = Race((Lap(OURS, failure="no x"), ran, half), 16, 7, ())
    text = view.engines.text
    assert "Agreement, beside ONNX Runtime, int8" in text
    assert "ours" not in text
    assert text.count("no x") == 1
    assert "50.0 %" in text
    assert "2.0 × as long" in text


def test_which_settings_the_quantized_model_has_is_said_where_the_tensor_view_has_others(view, workspace):
    workspace.change(format="int3", granularity="tensor", weights="int8", weights_granularity="channel")
    told = "has the Model view's settings (int8, a scale for each channel), not the Tensor view's (int3, a scale for"
    assert told in view.numbers.text.replace("&#x27;", "'")
    workspace.change(format="int8", granularity="channel")
    assert "Tensor view" not in view.numbers.text


def test_the_headline_says_so_where_the_runtime_of_the_file_is_slower_with_it(page):
    page.ask("quantize")
    same = Measure("Agreement", 1.0, SHARE, "")
    laps = [Lap(OURS, 1.0, 1.5, 0, same, 0.0), Lap(ORT_INT8, 6.3, 7.0, 0, same, 0.0), Lap(ORT_FLOAT, 2.04, 2.5)]
    page.workspace.race = Race(tuple(laps), 16, 7, ())
    found = page.ask("advice", view="run")
    assert found["text"].startswith("Fastest here: our int8 kernels, 2.0 times as fast as ONNX Runtime, float.")
    assert "ONNX Runtime, int8 takes 3.1 times as long as ONNX Runtime, float" in found["text"]
    assert found["label"] == "See the file"
    assert "2.0 × as long" in engines_table(page.workspace.race)
    page.workspace.race = Race((laps[0], replace(laps[1], median_ms=2.0), laps[2]), 16, 7, ())
    found = page.ask("advice", view="run")
    assert (found["label"], "as long" in found["text"]) == ("Download the quantized model", False)
