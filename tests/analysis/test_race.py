"""Engines side by side: what is compared, what is timed, and that a failure of one leaves the others running."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

import playground
from playground import gallery, host
from playground.analysis import race
from playground.analysis.answer_kinds import DECIBELS, NUMBER, SHARE, Measure
from playground.engines.profile import FLOATS
from playground.errors import EngineError, UnsupportedError
from playground.model.writers.onnx import to_onnx
from playground.tasks import Progress, run_sync

FEEDS = {"image": gallery.digits().images[:5]}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(race, "ROUNDS", 2)
    monkeypatch.setattr(race, "ROUND_SECONDS", 0.002)


@pytest.fixture(scope="module")
def models():
    """The float graph's file, the quantized graph and its file."""
    model = gallery.open_model("digits-mlp")
    result = playground.quantize_model(model, calibration=gallery.calibration("digits-mlp"))
    return to_onnx(model.graph), result.model.graph, result.onnx


@pytest.fixture
def sessions(monkeypatch):
    """Every session of ONNX Runtime that is opened; ``refuse`` says which, by number, are not."""
    opened = []
    real = host.ort_session

    class Sessions:
        refuse = ()
        broken = ()
        released = 0

    class Watched:
        def __init__(self, session, number):
            self.session, self.number = session, number
            self.time = session.time

        async def run(self, feeds):
            if self.number in Sessions.broken:
                raise EngineError("out of memory")
            return await self.session.run(feeds)

        async def release(self):
            Sessions.released += 1
            await self.session.release()

    async def ort_session(content):
        opened.append(content)
        if len(opened) - 1 in Sessions.refuse:
            raise UnsupportedError("no such operator")
        return Watched(await real(content), len(opened) - 1)

    monkeypatch.setattr(host, "ort_session", ort_session)
    return Sessions


def run(models, feeds=FEEDS):
    float_file, graph, file = models
    return run_sync(race.race_task(graph, file, float_file, feeds))


def test_three_engines_agree_and_are_timed(models, sessions):
    result = run(models)
    assert [lap.engine for lap in result.laps] == [race.OURS, race.ORT_INT8, race.ORT_FLOAT]
    assert (result.batch, result.runs) == (5, 2)
    for lap in result.laps:
        assert lap.failure == ""
        assert 0 < lap.median_ms <= lap.p95_ms < 1000
    assert result.laps[0].memory > 0
    assert result.notes == ("Our kernels and ONNX Runtime give the same answers for all samples.",)
    assert sessions.released == 2


def test_answers_are_compared_on_all_samples_and_the_batch_is_timed(models):
    float_file, graph, file = models
    samples = {name: np.concatenate([x, x]) for name, x in FEEDS.items()}
    result = run_sync(race.race_task(graph, file, float_file, FEEDS, samples))
    assert result.batch == 5
    assert result.laps[1].same.about.endswith("0 of 10 changed")


def test_differences_are_those_of_the_outputs(models):
    float_file, graph, file = models
    ours = playground.run(graph, FEEDS, "wasm")["logits"]
    outputs = [ours]
    for content in (file, float_file):
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        outputs.append(session.run(None, FEEDS)[0])
    for lap, output in zip(run(models).laps, outputs, strict=True):
        assert lap.largest_difference == pytest.approx(np.abs(output - ours).max(), abs=1e-5)
        assert lap.same.value == (output.argmax(axis=1) == ours.argmax(axis=1)).mean()


@pytest.mark.parametrize("way", ["refuse", "broken"])
def test_an_engine_that_fails_says_why_and_the_others_run(models, sessions, monkeypatch, way):
    monkeypatch.setattr(sessions, way, (0,))
    ours, int8, floats = run(models).laps
    assert int8.failure
    assert np.isnan(int8.median_ms)
    assert not ours.failure
    assert floats.median_ms > 0


def unknown_operator(content):
    """The model with an operator that nothing here computes."""
    model = onnx.load_from_string(content)
    model.graph.node[-1].op_type, model.graph.node[-1].domain = "Nothing", "x.y"
    model.opset_import.append(helper.make_opsetid("x.y", 1))
    return playground.load(model.SerializeToString()).graph


def test_no_engine_at_all(models, sessions, monkeypatch):
    monkeypatch.setattr(sessions, "refuse", (0, 1))
    float_file, _, file = models
    result = run_sync(race.race_task(unknown_operator(float_file), file, float_file, FEEDS))
    assert all(lap.failure for lap in result.laps)


def test_what_our_kernels_cannot_run_runs_in_the_others(models):
    float_file, _, file = models
    result = run_sync(race.race_task(unknown_operator(float_file), file, float_file, FEEDS))
    assert result.laps[0].failure
    assert result.laps[1].median_ms > 0


def test_the_reason_is_told_once_and_without_advice_for_python(models):
    float_file, _, file = models
    result = run_sync(race.race_task(unknown_operator(float_file), file, float_file, FEEDS))
    assert "engine=" not in " ".join([*result.notes, *(lap.failure for lap in result.laps)])
    assert not any(result.laps[0].failure in note for note in result.notes)


def test_the_others_are_compared_with_the_first_that_ran(models):
    float_file, _, file = models
    assert run(models).reference == race.OURS
    result = run_sync(race.race_task(unknown_operator(float_file), file, float_file, FEEDS))
    assert result.reference == race.ORT_INT8
    assert result.laps[1].largest_difference == 0
    assert race.Race((race.Lap("a", failure="no"),), 1, 1, ()).reference == ""


def test_a_model_that_stays_in_floats_is_raced_too(models):
    float_file, _, file = models
    result = run_sync(race.race_task(playground.load(float_file).graph, file, float_file, FEEDS))
    assert not result.laps[0].failure
    assert not any("NumPy computes" in note for note in result.notes)
    assert {step.by for step in result.profile.steps} == {FLOATS}
    assert result.laps[2].largest_difference < 1e-4


def scalar_model():
    """One number out, whatever comes in."""
    graph = helper.make_graph(
        [helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)],
        "scalar",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def test_scalars_in_and_out():
    file = scalar_model()
    result = run_sync(race.race_task(playground.load(file).graph, file, file, {"x": np.array(2, np.float32)}))
    assert result.batch == 1
    assert (result.laps[1].same.value, result.laps[1].largest_difference) == (np.inf, 0)


def test_progress_comes_before_every_turn(models):
    float_file, graph, file = models
    steps = []
    run_sync(race.race_task(graph, file, float_file, FEEDS), steps.append)
    assert all(isinstance(step, Progress) for step in steps)
    timed = {step.message for step in steps if step.message.startswith("Timing") and "round" in step.message}
    assert len(timed) == 2 * 3
    shares = [step.done / step.total for step in steps]
    assert shares == sorted(shares)


def test_what_onnxruntime_answers_differently_is_said():
    outputs = {race.OURS: {}, race.ORT_INT8: {}}
    found = (
        ("Agreement", 0.5, SHARE, "50.0 %"),
        ("Cosine", 0.98, NUMBER, "0.98"),
        ("SQNR of y", 40.0, DECIBELS, "40 dB"),
    )
    for name, value, unit, told in found:
        laps = {race.ORT_INT8: race.Lap(race.ORT_INT8, same=Measure(name, value, unit))}
        assert race._differences(outputs, laps) == [f"Our kernels beside ONNX Runtime: {name} {told}."]
    assert race._differences({race.OURS: {}}, {}) == []
