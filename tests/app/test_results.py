"""Results outlive a change of the settings, marked as earlier ones, and are the present ones again after undo."""

import numpy as np
import pytest

from playground import gallery
from playground.app.exporting import exports
from playground.app.model_jobs import ModelJobs
from playground.app.model_view import ModelView
from playground.app.results import Earlier, set_aside
from playground.app.run_view import RunView
from playground.settings import Settings
from playground.tasks import run_sync

VALUES = dict.fromkeys(("answer", "continuation", "compared", "ran", "race", "sensitivity", "curve"))


def own_script(told):
    """The Python of the package itself, among what Export has."""
    (code,) = (entry["code"] for entry in told["scripts"] if entry["id"] == "playground")
    return code


@pytest.fixture
def quantized(workspace):
    """The first model, quantized to 4 bits."""
    workspace.change(weights="int4", weights_granularity="tensor")
    run_sync(ModelJobs(workspace).quantize_task())
    return workspace


def test_results_are_shown_as_earlier_ones_after_a_change(quantized):
    view, result = ModelView(quantized), quantized.result
    told = view.numbers.text
    assert "before the last change" not in told
    quantized.change(weights="int8")
    assert quantized.result is None
    assert quantized.shown("result") is result
    assert view.numbers.text.count("before the last change") == 2
    assert "Before the last change" in view.report.text
    assert "int4, tensor" in view.source.data["format"]
    assert "from before the last change" in view.heading.text


def test_undo_makes_them_the_present_ones_again(quantized):
    result, compared = quantized.result, quantized.compared
    quantized.change(weights="int8")
    quantized.undo()
    assert (quantized.result, quantized.compared, quantized.is_before) == (result, compared, False)
    quantized.redo()
    assert (quantized.result, quantized.shown("result")) == (None, result)


def test_both_are_shown_once_the_model_is_quantized_again(quantized):
    first = quantized.compared.quantized.accuracy
    quantized.change(weights="int8")
    run_sync(ModelJobs(quantized).quantize_task())
    assert not quantized.is_before
    numbers = ModelView(quantized).numbers.text
    assert f"; before {100 * first:.1f} % (int4, a scale for each tensor)" in numbers
    assert numbers.count(">Accuracy<") == 1


def test_other_samples_do_not_bring_results_back(workspace, files):
    workspace.open(files.gallery_file())
    jobs = ModelJobs(workspace)
    images = gallery.digits().images
    jobs.calibration.use_npz(files.npz(image=images[:8]))
    result = run_sync(jobs.quantize_task())
    jobs.calibration.use_npz(files.npz(image=images[8:16]))
    assert workspace.shown("result") is result
    assert workspace.is_before
    workspace.change(weights="int4")
    workspace.undo()
    assert workspace.result is None


def test_another_model_has_none_of_them(quantized):
    quantized.change(model="digits-convnet")
    assert quantized.earlier is None
    assert quantized.shown("result") is None


def test_results_of_another_kind_of_answer_do_not_come_back(quantized):
    quantized.change(weights="int8")
    quantized.change(answer="values")
    quantized.change(weights="int4")
    assert quantized.result is None


def test_a_large_file_is_not_kept_beside_the_next():
    class Large:
        file = range(2**40)

    present = Earlier(Settings(), None, {"result": Large(), **VALUES, "improvement": None})
    assert set_aside(present, None, Settings(weights="int4"), None)["earlier"] is None


def test_the_run_view_keeps_the_answers_too(quantized):
    jobs = ModelJobs(quantized)
    run_sync(jobs.sample_task({"index": 0}))
    run_sync(jobs.race_task())
    view, answer = RunView(quantized), quantized.answer
    quantized.change(weights="int8")
    assert view.plot.source.data["float"] == list(answer.original)
    assert all("Before the last change" in block.text for block in (view.numbers, view.heading, view.engines))


def test_the_file_can_be_downloaded_and_says_what_it_is(page):
    assert page.ask("export")["file"] is None
    page.set(weights="int4")
    page.ask("quantize")
    (made,) = page.buffers
    page.set(weights="int8")
    file = page.ask("export")["file"]
    assert (file["name"], file["before"]) == ("digits-mlp-int4.onnx", True)
    assert page.ask("file")["name"] == "digits-mlp-int4.onnx"
    assert page.buffers == [made]
    assert page.ask("report") is None


def test_the_python_of_export_is_the_models_once_it_is_quantized(quantized, tmp_path, monkeypatch):
    jobs = ModelJobs(quantized)
    code = own_script(exports(quantized, jobs))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "shown", "exec"), {})  # noqa: S102
    assert (tmp_path / "digits-mlp-int4.onnx").read_bytes() == quantized.result.onnx
    quantized.change(weights="int8")
    assert exports(quantized, jobs)["scripts"] == []


def test_scripts_of_other_tools_are_there_or_the_reason_why_not(quantized):
    told = {entry["id"]: entry for entry in exports(quantized, ModelJobs(quantized))["scripts"]}
    assert set(told) == {"playground", "onnxruntime", "torch"}
    assert told["onnxruntime"]["code"] == ""
    assert "these are int4" in told["onnxruntime"]["reason"]
    quantized.change(weights="int8")
    run_sync(ModelJobs(quantized).quantize_task())
    told = {entry["id"]: entry for entry in exports(quantized, ModelJobs(quantized))["scripts"]}
    assert "quantize_static(" in told["onnxruntime"]["code"]
    assert told["torch"]["reason"]


def test_the_python_of_an_upload_reads_its_samples(workspace, files, tmp_path, monkeypatch):
    file = files.gallery_file("digits-convnet", "mine.onnx")
    workspace.open(file)
    jobs = ModelJobs(workspace)
    images, labels = gallery.digits().images[:16], gallery.digits().labels[:16]
    samples = files.npz("mine.npz", image=images, labels=labels)
    jobs.calibration.use_npz(samples)
    result = run_sync(jobs.quantize_task())
    for held in (file, samples):
        (tmp_path / held.name).write_bytes(held.read(0, held.size))
    monkeypatch.chdir(tmp_path)
    exec(compile(own_script(exports(workspace, jobs)), "shown", "exec"), {})  # noqa: S102
    assert (tmp_path / "mine-int8.onnx").read_bytes() == result.onnx


@pytest.mark.parametrize("key", ["digits-mlp", "moby-dick-transformer"])
def test_one_model_has_one_float_baseline(workspace, key):
    workspace.change(model=key)
    jobs = ModelJobs(workspace)
    run_sync(jobs.quantize_task())
    assert workspace.compared.count == workspace.evaluator.count
    assert workspace.compared.original.accuracy == pytest.approx(workspace.evaluator.float_score.accuracy, abs=1e-3)
    samples, labels = jobs.measured_on()
    assert np.size(labels) == workspace.evaluator.count
    assert len(next(iter(samples.values()))) == len(next(iter(jobs._race_feeds(jobs.graph())[0].values())))
