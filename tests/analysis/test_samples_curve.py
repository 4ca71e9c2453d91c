"""The error against the number of samples: each point is what quantizing on so many samples gives."""

import numpy as np
import onnxruntime
import pytest

from playground import gallery, quantize_model
from playground.analysis.model_report import model_report
from playground.analysis.samples_curve import CurvePoint, SamplesCurve, samples_curve, samples_curve_task
from playground.errors import InvalidInputError, UnsupportedError
from playground.model.recipe import Recipe
from playground.model.writers.onnx import to_onnx
from playground.ptq.calibration_data import calibration_data
from playground.ptq.growing_calibration import growing_task
from playground.quantization import Scheme
from playground.render.report_page import report_html
from playground.tasks import Progress, run_sync

MODEL = gallery.open_model("digits-convnet")
DATA = dict(gallery.calibration("digits-convnet"))
OTHER = {"image": gallery.digits().images[:64]}


def part(count):
    return {"image": DATA["image"][:count]}


@pytest.fixture(scope="module")
def result():
    return quantize_model(MODEL, None, DATA)


@pytest.fixture(scope="module")
def curve(result):
    return samples_curve(result, DATA, OTHER)


def test_numbers_of_samples_double(curve):
    assert [point.samples for point in curve.points] == [1, 2, 4, 8, 16, 32, 64]
    assert curve.held_out == 64


@pytest.mark.parametrize("at", [0, 3, 6])
def test_each_point_is_what_onnxruntime_gives_with_so_many_samples(curve, at):
    point = curve.points[at]
    made = quantize_model(MODEL, None, part(point.samples))

    def answers(content):
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        return session.run(None, OTHER)[0].astype(np.float64)

    floats, quantized = answers(to_onnx(MODEL.graph)), answers(made.onnx)
    measured = 10 * np.log10((floats**2).sum() / ((floats - quantized) ** 2).sum())
    assert point.sqnr_db == pytest.approx(measured, abs=0.4)


@pytest.mark.parametrize("calibrator", ["minmax", "mse", "percentile"])
@pytest.mark.parametrize("streamed", [False, True])
def test_ranges_are_those_of_the_first_samples(calibrator, streamed):
    scheme = Scheme("uint8", symmetric=False, calibrator=calibrator)
    recipe = Recipe(activation_scheme=scheme)
    whole = quantize_model(MODEL, recipe, DATA)
    given = [{"image": image[None]} for image in DATA["image"][:12]] if streamed else part(12)
    grown = run_sync(growing_task(whole, calibration_data(whole.source, given)))
    assert [entry.samples for entry in grown] == [1, 2, 4, 8, 12]
    # what batches there are is part of some answers
    apart = 0.1 if calibrator == "percentile" else 0
    alone = quantize_model(MODEL, recipe, part(4)).quantization.activations
    for name, made in grown[2].quantization.activations.items():
        assert np.allclose(made.scale_values, alone[name].scale_values, rtol=apart, atol=0), name


def test_without_other_samples_each_fourth_is_held_out(result):
    found = samples_curve(result, part(20))
    assert (found.held_out, found.points[-1].samples) == (5, 15)
    kept = samples_curve(result, {"image": np.delete(DATA["image"][:20], slice(3, None, 4), axis=0)},
                         {"image": DATA["image"][3:20:4]})  # fmt: skip
    assert found == kept
    two = samples_curve(result, part(2))
    assert (two.held_out, [point.samples for point in two.points]) == (1, [1])


def test_a_stream_is_read_one_feed_at_a_time(result):
    alive = []

    def start():
        for at in range(10):
            alive.append(at)
            yield {"image": DATA["image"][at : at + 1]}

    found = samples_curve(result, start)
    assert (found.held_out, [point.samples for point in found.points]) == (3, [1, 2, 4, 7])
    alike = samples_curve(result, {"image": np.delete(DATA["image"][:10], [1, 5, 9], axis=0)},
                          {"image": DATA["image"][[1, 5, 9]]})  # fmt: skip
    assert [p.sqnr_db for p in found.points] == pytest.approx([p.sqnr_db for p in alike.points])


def test_it_reports_progress_and_can_be_stopped(result):
    work = samples_curve_task(result, part(20))
    steps = [step for step in (next(work) for _ in range(5)) if isinstance(step, Progress)]
    work.close()
    assert steps


def test_what_has_no_ranges_or_too_few_samples_is_refused(result):
    with pytest.raises(InvalidInputError, match="1 sample cannot be divided"):
        samples_curve(result, part(1))
    dynamic = quantize_model(MODEL, Recipe(activations="dynamic"))
    with pytest.raises(UnsupportedError, match=r"no ranges that samples decide.*Use static"):
        samples_curve(dynamic, DATA)


@pytest.mark.parametrize(
    ("values", "enough"),
    [([10, 20, 30], None), ([10, 29.5, 30], 2), ([30.2, 29.5, 30], 1), ([float("inf")] * 2, 1), ([30], None)],
)
def test_enough(values, enough):
    curve = SamplesCurve(tuple(CurvePoint(2**at, value) for at, value in enumerate(values)), 7)
    assert curve.enough == enough
    assert ("more calibration data" in curve.sentence) == (enough is None)
    assert "7 other samples" in curve.sentence


def test_it_is_in_the_report(result, curve):
    report = model_report(result, samples=curve)
    assert report.as_dict()["samples"]["points"][0]["samples"] == 1
    page = report_html(report)
    assert "Are the samples enough?" in page
    assert curve.sentence in page
