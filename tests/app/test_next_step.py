"""The sentence on top of each view says what is the case, and its link does what it says."""

import numpy as np
import pytest

from playground import gallery
from playground.app.tensor_step import GOOD_DB, POINTS
from playground.units import size


def advice(page, view):
    return page.ask("advice", view=view)


def test_the_proposal_of_the_tensor_view_has_the_accuracy_that_it_tells(page):
    found = advice(page, "tensor")
    assert found["text"].startswith("3 bits, one scale: ")
    assert "points of accuracy lost" in found["text"]
    assert found["label"].startswith("Try ")
    before = page.workspace.score.accuracy
    page.set(**found["changes"])
    assert f"accuracy {100 * page.workspace.score.accuracy:.1f} %" == found["gain"]
    assert page.workspace.score.accuracy >= before + 0.005


def test_clipping_is_named_and_the_whole_range_proposed(page):
    page.set(format="int8", lo=-0.02, hi=0.02)
    found = advice(page, "tensor")
    assert "clipping makes" in found["text"]
    assert found["label"] == "Try the whole range"
    page.set(**found["changes"])
    assert page.workspace.settings.lo is None
    assert "as in float" in advice(page, "tensor")["text"]


def test_where_nothing_is_lost_fewer_bits_are_proposed(page):
    page.set(format="int8", granularity="channel", axis=1)
    found = advice(page, "tensor")
    assert (found["label"], found["changes"]["format"]) == ("Try 7 bits", "int7")


def test_fewer_bits_that_lose_are_shown_with_their_price_and_not_proposed(page):
    page.set(tensor="fc3.weight", format="int3", granularity="channel", axis=0)
    before = page.workspace.score.accuracy
    assert page.workspace.evaluator.float_score.accuracy - before < POINTS
    found = advice(page, "tensor")
    page.set(**found["changes"])
    cost = 100 * (before - page.workspace.score.accuracy)
    assert cost > 1
    assert (found["label"], found["gain"]) == ("See 2 bits", f"would cost {cost:.1f} points")


def test_points_have_one_digit_after_the_point(page):
    page.set(format="int3", granularity="tensor")
    lost = 100 * (page.workspace.evaluator.float_score.accuracy - page.workspace.score.accuracy)
    assert f"; {lost:.1f} points of accuracy lost." in advice(page, "tensor")["text"]


def test_outliers_are_named(page, files):
    values = np.random.default_rng(2).normal(0, 0.01, (64, 64)).astype(np.float32)
    values[3, 4] = 1.0
    page.ask("load", [files.npz(w=values)])
    found = advice(page, "tensor")
    assert "outliers take the others" in found["text"]
    before = page.workspace.report.metrics["sqnr_db"]
    page.set(**found["changes"])
    assert f"SQNR {page.workspace.report.metrics['sqnr_db']:.3g} dB" == found["gain"]
    assert page.workspace.report.metrics["sqnr_db"] > before + 1


def test_scales_that_cost_more_than_a_bit_are_not_proposed(page):
    page.set(model="digits-convnet", tensor="pointwise2.weight")
    before = page.workspace.report.bits_per_weight
    page.set(**advice(page, "tensor")["changes"])
    assert page.workspace.report.bits_per_weight <= before + 1.05


def test_a_good_tensor_without_samples(page, files):
    page.ask("load", [files.npz(w=np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8))])
    page.set(format="int8")
    assert page.workspace.report.metrics["sqnr_db"] > GOOD_DB
    found, before = advice(page, "tensor"), page.workspace.report.metrics["sqnr_db"]
    page.set(**found["changes"])
    cost = before - page.workspace.report.metrics["sqnr_db"]
    assert (found["label"], found["gain"]) == ("See 7 bits", f"would cost {cost:.3g} dB")


@pytest.mark.slow
def test_the_way_through_the_model_view(page):
    page.set(model="digits-convnet", weights="int3", weights_granularity="tensor")
    assert advice(page, "model")["press"] == "quantize"
    page.ask("quantize")
    found = advice(page, "model")
    assert found["press"] == "sensitivity"
    assert f"{100 * page.workspace.compared.quantized.accuracy:.1f} %" in found["text"]
    assert ", on 360 digits." in found["text"]
    page.ask("sensitivity")
    assert (advice(page, "model")["press"], advice(page, "model")["label"]) == ("improve", "Fix it")
    page.ask("improve")
    found = advice(page, "model")
    assert found["label"] == f"Use {page.workspace.improvement.best.name}"
    tried = page.workspace.improvement
    page.set(**found["changes"])
    assert advice(page, "model")["label"] == "Quantize the model again"
    page.ask("quantize")
    assert page.workspace.compared.quantized.accuracy > page.workspace.earlier.values["compared"].quantized.accuracy
    # chosen in the card, what was tried stays: the remedy that the model has by now is not proposed again
    page.workspace.improvement = tried
    found = advice(page, "model")
    assert (found["press"], found["changes"]) == ("save-model", {})
    assert found["text"].endswith(f"This is with {tried.best.name}.")


@pytest.mark.slow
def test_remedies_that_were_tried_without_measuring_each_layer_first_are_proposed(page):
    page.set(weights="int4", weights_granularity="tensor", model="digits-convnet")
    page.ask("improve")
    assert page.workspace.sensitivity is None or page.workspace.improvement is not None
    assert advice(page, "model")["label"] == f"Use {page.workspace.improvement.best.name}"


def test_where_agreement_says_nothing_the_error_of_the_output_is_told(page, files):
    page.ask("load", [files.gallery_file()])
    samples = gallery.held_out("digits-convnet")
    name = page.workspace.model.graph.inputs[0].name
    same = np.repeat(samples.feeds[name][:1], 8, axis=0)  # one answer for all of them
    page.ask("calibration", [files.npz("same.npz", **{name: same})])
    page.ask("quantize")
    assert page.workspace.compared.quantized.headline is None
    assert advice(page, "model")["text"].startswith("The output's error is ")


def test_what_is_good_needs_no_remedy(page):
    page.ask("quantize")
    assert (advice(page, "model")["press"], advice(page, "export")["press"]) == ("save-model", "save-model")


def test_samples_that_the_ranges_come_from_are_called_that(page, files):
    page.ask("load", [files.gallery_file()])
    samples = gallery.held_out("digits-convnet")
    name = page.workspace.model.graph.inputs[0].name
    given = files.npz("given.npz", **{name: samples.feeds[name][:24], "labels": samples.labels[:24]})
    page.ask("calibration", [given])
    page.ask("quantize")
    assert ", on 24 samples, those it was calibrated with. The file" in advice(page, "model")["text"]
    page.set(activations="weight_only")
    page.ask("quantize")
    assert ", on 24 samples. The file" in advice(page, "model")["text"]
    page.ask("sensitivity")
    assert "on 24 samples" in advice(page, "model")["text"]


def test_made_up_samples_are_said_before_they_are_used(page, files):
    page.ask("load", [files.gallery_file()])
    found = advice(page, "model")
    assert (found["press"], "smoke test" in found["text"]) == ("calibration", True)


def test_a_file_that_has_grown_is_not_called_smaller(page, files):
    page.ask("load", [files.linear_model()])
    page.ask("quantize")
    report = page.workspace.result.report
    assert report.file_bytes > report.file_bytes_before > 0
    sizes = f"({size(report.file_bytes_before)} before, {size(report.file_bytes)} now)"
    assert advice(page, "model")["text"].startswith(f"The file is larger than before {sizes}; its tensors are ")


def test_on_made_up_inputs_samples_are_asked_for_and_no_remedies_offered(page, files):
    page.ask("load", [files.gallery_file()])
    page.ask("quantize")
    page.ask("sensitivity")
    found = advice(page, "model")
    assert page.workspace.sensitivity.generated
    assert (found["press"], found["label"]) == ("calibration", "Add calibration data")
    assert "made-up inputs" in found["text"]
    assert "Nothing needs to change" not in found["text"]


def test_a_name_that_fits_nothing_is_told_with_near_ones_also_for_the_model_that_is_opened_next(page, files):
    page.set(exclude="fc1.wieght, fc2*")
    told = "No operator or tensor is named 'fc1.wieght'. Use a name such as 'fc1.weight'"
    assert told in advice(page, "model")["text"]
    page.ask("quantize")
    assert told in advice(page, "model")["text"]
    assert any("'fc1.wieght'" in text for text in page.workspace.result.report.warnings)
    page.set(exclude="fc1.weight")
    assert "No operator" not in advice(page, "model")["text"]
    page.ask("load", [files.npz("mine.npz", w=np.ones((4, 4), np.float32))])
    assert page.workspace.settings.exclude == "fc1.weight"
    assert "No operator or tensor is named 'fc1.weight'. Use a name such as 'w'." in advice(page, "model")["text"]
    page.ask("quantize")
    assert any("'fc1.weight'" in text for text in page.workspace.result.report.warnings)


def test_weights_of_a_file_of_tensors_are_quantized_and_not_run(page, files):
    page.ask("load", [files.npz("mine.npz", w=np.ones((4, 4), np.float32))])
    assert page.ask("state")["runs"] is False
    found = {view: advice(page, view) for view in ("model", "run", "export")}
    assert found["run"]["text"].startswith("mine.npz has tensors and no graph")
    assert found["run"]["view"] == "tensor"
    assert (found["model"]["press"], found["export"]["press"]) == ("quantize", "quantize")
    page.ask("quantize")
    assert advice(page, "model")["press"] == "save-model"
    written = size(len(page.workspace.result.file))
    assert advice(page, "export")["text"].startswith(f"mine-int8.npz is ready: {written}, ")


def test_the_run_view_leads_from_answers_to_engines(page):
    page.set(weights="int3", weights_granularity="tensor")
    assert advice(page, "run")["press"] == "quantize"
    page.ask("quantize")
    found = advice(page, "run")
    assert (found["press"], found["text"]) == ("answers", f"{page.workspace.compared.flipped} of 360 answers changed.")
    page.ask("race")
    assert advice(page, "run")["text"].startswith("Fastest here: ")


def test_a_view_without_a_sentence(page):
    assert advice(page, "nothing")["text"] == ""
