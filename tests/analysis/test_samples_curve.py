"""The error against the number of samples: each point is what quantizing on so many samples gives."""

from html import escape

import numpy as np
import onnxruntime
import pytest

from playground import gallery, quantize_model
from playground.analysis.answer_kinds import SHARE, Measure
from playground.analysis.model_report import model_report
from playground.analysis.outputs import Measured
from playground.analysis.samples_curve import CurvePoint, SamplesCurve, samples_curve, samples_curve_task
from playground.analysis.sensitivity import sensitivity
from playground.errors import InvalidInputError, UnsupportedError
from playground.model.recipe import Recipe
from playground.model.writers.onnx import to_onnx
from playground.ptq.calibration_data import calibration_data
from playground.ptq.growing_calibration import growing_task
from playground.quantization import Scheme
from playground.render.report_page import report_html
from playground.render.samples_told import about, drawn, sentence
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
    assert point.measured.sqnr_db == pytest.approx(measured, abs=0.4)


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
    apart = 0.1 if calibrator == "percentile" else 1e-6
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
    assert [p.measured.sqnr_db for p in found.points] == pytest.approx([p.measured.sqnr_db for p in alike.points])


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


def measured(sqnr_db=30.0, share=None, distance=0.01, silent="", harmless=1e-3):
    kind = "values" if share is None else "classes"
    measures = (Measure("Agreement", share, SHARE),) if share is not None else ()
    shares = {"kind": kind, "answers": kind, "why": "chosen", "measures": measures, "silent": silent}
    return Measured(7, sqnr_db, 10 ** (-sqnr_db / 10), None if silent else share, None, None, **shares,
                    distance=distance, distance_name="KL divergence, nats", harmless=harmless)  # fmt: skip


def curve_of(found, held_out=7):
    return SamplesCurve(tuple(CurvePoint(2**at, entry) for at, entry in enumerate(found)), held_out)


@pytest.mark.parametrize(
    ("values", "enough"),
    [([10, 20, 30], None), ([10, 29.5, 30], 2), ([30.2, 29.5, 30], 1), ([float("inf")] * 2, 1), ([30], None)],
)
def test_enough_by_signal_to_noise(values, enough):
    curve = curve_of([measured(value) for value in values])
    assert curve.enough == enough
    assert ("more calibration data" in sentence(curve)) == (enough is None)
    assert "7 other samples" in sentence(curve)
    assert drawn(curve) == ("SQNR of the output, dB", values)


@pytest.mark.parametrize(
    ("shares", "distances", "enough"),
    [
        ([0.90, 0.95, 0.98], [0.3, 0.2, 0.1], None),
        ([0.90, 0.98, 0.98], [0.3, 0.1, 0.1], 2),
        # equal answers do not tell that the scores still change
        ([1.0, 1.0, 1.0], [0.3, 0.2, 0.1], None),
        # as near to float's as it gets
        ([1.0, 1.0, 1.0], [9e-4, 1e-4, 1e-5], 1),
        ([0.90, 1.0, 1.0], [9e-4, 1e-4, 1e-5], 2),
    ],
)
def test_enough_by_equal_answers(shares, distances, enough):
    found = [
        measured(10 * at, share, distance) for at, (share, distance) in enumerate(zip(shares, distances, strict=True))
    ]
    curve = curve_of(found, 500)
    assert curve.enough == enough
    assert [value.value for value in curve.values] == shares
    assert drawn(curve) == ("Agreement, %", [100 * share for share in shares])
    told = sentence(curve)
    assert ("KL divergence is 0.200 nats with 2 and 0.100 nats with all" in told) == (
        shares == [1, 1, 1] and not enough
    )
    assert "dB" not in told
    assert about(curve).startswith("Answers are read as classes: chosen.")
    # SQNR is 0, 10 and 20 dB
    told = "SQNR of the output changes from 0 dB with 1 sample to 20.0 dB with all, which changes hardly an answer."
    assert about(curve).endswith(told) == (enough is not None)


def test_one_answer_more_on_few_samples_is_no_change():
    assert curve_of([measured(share=0.9), measured(share=1.0)], 10).enough == 1
    assert curve_of([measured(share=0.9), measured(share=1.0)], 20).enough is None


def test_where_equal_answers_say_nothing_it_is_signal_to_noise():
    why = "7 samples are too few to count equal answers"
    curve = curve_of([measured(10, 1.0, silent=why), measured(20, 1.0, silent=why)])
    assert curve.enough is None
    assert [value.value for value in curve.values] == [10, 20]
    assert "SQNR of the output is 10.0 dB with 1 and 20.0 dB with all" in sentence(curve)
    assert about(curve).endswith(f"SQNR of the output is shown, since {why}.")
    told = report_html(model_report(quantize_model(MODEL, None, part(2)), samples=curve))
    assert f"SQNR of the output is shown, since {why}." in told
    assert "SQNR of the output, dB against the number of calibration samples" in told


def test_outputs_of_different_sizes_have_no_signal_to_noise():
    curve = curve_of([measured(float("nan"), distance=0.5), measured(float("nan"), distance=0.1)])
    assert drawn(curve) == ("KL divergence, nats", [0.5, 0.1])
    assert curve.enough is None


def test_the_measure_is_the_one_that_sensitivity_has(result, curve):
    found = sensitivity(result.source, result.quantization, OTHER)
    last = curve.points[-1].measured
    assert curve.as_dict()["measure"] == found.quantized.headline.name == "Agreement"
    assert curve.values[-1] == found.quantized.headline
    assert (last.kind, last.distance) == (found.quantized.kind, pytest.approx(found.quantized.loss))
    assert last.sqnr_db == pytest.approx(found.quantized.sqnr_db)


@pytest.mark.parametrize(("choice", "measure"), [("values", "SQNR of the output"), ("embeddings", "Cosine")])
def test_the_answers_can_be_chosen(result, choice, measure):
    found = samples_curve(result, part(48), choice=choice)
    assert (found.points[0].measured.kind, found.as_dict()["measure"]) == (choice, measure)


def test_it_is_in_the_report(result, curve):
    report = model_report(result, samples=curve)
    assert report.as_dict()["samples"]["points"][0]["samples"] == 1
    page = report_html(report)
    assert "Are the samples enough?" in page
    assert sentence(curve) in page
    assert escape(about(curve)) in page
    assert "Agreement, % against the number of calibration samples" in page
