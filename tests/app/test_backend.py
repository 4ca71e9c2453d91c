"""Driven as the page drives it: every request gets exactly one answer, and no failure costs the state."""

import asyncio
import io
import json

import numpy as np
import onnxruntime
import pytest

import playground
from playground import gallery
from playground.settings import Settings

IMAGES = gallery.digits().images


def snapshot(page):
    """What the page would lose if a failure cost the state."""
    workspace = page.workspace
    return [workspace.settings, workspace.model, workspace.report, workspace.score, workspace.result, workspace.subject]


def same(before, page):
    return all(a is b for a, b in zip(before, snapshot(page), strict=True))


def test_state(page):
    state = page.ask("state")
    assert state["settings"] == Settings().as_dict()
    assert (state["model"], state["quantized"], state["problems"]) == ("digits-mlp.onnx", False, [])
    assert "64 training digits" in state["calibration"]


def test_a_link_is_opened_and_what_it_gets_wrong_is_said(open_page):
    page = open_page("?v=1&format=int8&axis=first&theme=dark&granularity=channel")
    state = page.ask("state")
    assert state["settings"]["format"] == "int8"
    assert state["settings"]["granularity"] == "channel"
    (problem,) = state["problems"]
    assert problem.startswith("axis: 'first'")


def test_set_answers_with_the_state_and_tells_everyone_else(page):
    answer = page.ask("set", changes={"format": "uint5", "lo": -0.125})
    assert (answer["settings"]["format"], answer["settings"]["lo"]) == ("uint5", -0.125)
    assert answer["query"] == "v=1&format=uint5&lo=-0.125"
    (event,) = page.said("state")
    assert event["state"] == answer
    page.ask("state")
    assert [m["kind"] for m in page.port.messages] == ["state", "answer", "answer"]


def test_reset(page):
    page.set(format="int8", view="model", lo=-0.5)
    assert page.ask("reset")["settings"] == Settings(view="model").as_dict()


@pytest.mark.parametrize("view", ["tensor", "model", "run"])
def test_views(page, view):
    answer = page.ask("view", view=view)
    assert all(name.startswith(f"{view}-") for name in answer["roots"])
    ids = {root["id"] for root in answer["doc"]["roots"]}
    assert ids == set(answer["roots"].values())


def test_cancelling_nothing(page):
    assert page.ask("cancel", target=99) is False
    assert page.ask("cancel") is False


def test_a_problem_is_said_every_time(page):
    page.workspace.problem = "error_payload"
    page.workspace.problem = "error_payload"
    assert [m["message"] for m in page.said("problem")] == ["error_payload", "error_payload"]


def test_load_answers_with_the_inventory(page, files):
    inventory = page.ask("load", [files.gallery_file()])
    assert inventory["name"] == "mine.onnx"
    assert {t["name"] for t in inventory["tensors"]} == set(gallery.open_model("digits-convnet").tensors)
    assert inventory["summary"].startswith("a graph of ")
    (event,) = page.said("state")
    assert event["state"]["settings"]["model"] == "upload"


def test_quantize_run_and_keep(page):
    assert page.ask("report") is None
    page.set(model="digits-convnet")
    answer = page.ask("quantize")
    (file,) = page.buffers
    digits = gallery.digits()
    outputs = onnxruntime.InferenceSession(file).run(None, {"image": digits.images})[0]
    accuracy = (outputs.argmax(axis=1) == digits.labels).mean()
    assert accuracy >= gallery.entry("digits-convnet").float_accuracy - 0.01
    assert answer["name"] == "digits-convnet-int8.onnx"
    assert page.ask("report") == answer["report"]
    assert page.said("state")[-1]["state"]["quantized"] is True
    compared = page.workspace.compared
    assert compared.quantized.accuracy == pytest.approx(accuracy, abs=2 / 360)
    result = page.ask("run", inputs={"image": IMAGES[:4].tolist()})
    shown = result["outputs"]["our int8 kernels"]["logits"]
    assert (shown["dims"], shown["dtype"]) == ([4, 10], "float32")
    ours = np.reshape(shown["data"], (4, 10))
    np.testing.assert_array_equal(ours.argmax(axis=1), outputs[:4].argmax(axis=1))
    expected = playground.run(gallery.open_model("digits-convnet"), {"image": IMAGES[:4]}, "onnxruntime")["logits"]
    np.testing.assert_allclose(np.reshape(result["outputs"]["float"]["logits"]["data"], (4, 10)), expected, atol=1e-4)


def test_the_state_says_whether_the_answers_are_the_present_models(page):
    assert page.ask("state")["answered"] is False
    page.ask("sample", index=0)
    assert page.said("state")[-1]["state"]["answered"] is True
    page.set(weights="int4")
    assert page.said("state")[-1]["state"]["answered"] is False


@pytest.mark.parametrize("change", [{"weights": "int4"}, {"exclude": "fc*"}, {"model": "digits-convnet"}])
def test_a_quantized_model_does_not_outlive_its_recipe(page, change):
    page.ask("quantize")
    page.set(**change)
    assert page.said("state")[-1]["state"]["quantized"] is False
    assert page.ask("report") is None
    assert page.ask("quantize")["report"]["recipe"]["weights"]["format"] == change.get("weights", "int8")


class Cancelling:
    """Sends another request as soon as the first progress of a job is reported."""

    def __init__(self, page, kind, **content):
        self.page, self.kind, self.content = page, kind, content
        self.tasks = []

    def __call__(self, message):
        if message["kind"] == "progress" and not self.tasks:
            text = json.dumps(self.content or {"target": message["id"]})
            self.tasks.append(asyncio.get_running_loop().create_task(
                self.page.backend.handle(1000, self.kind, text, [])
            ))  # fmt: skip


def start(page, kind, reaction, **content):
    page.port.on_message = reaction

    async def both():
        await page.backend.handle(1, kind, json.dumps(content), [])
        await asyncio.gather(*reaction.tasks)

    asyncio.run(both())
    page.requests = 1


@pytest.mark.parametrize(("kind", "content"), [("quantize", {}), ("run", {"inputs": {"image": IMAGES[:1].tolist()}}),
                                               ("race", {}), ("sample", {"index": 0})])  # fmt: skip
def test_cancel_in_the_middle(page, refused, kind, content):
    before = snapshot(page)
    start(page, kind, Cancelling(page, "cancel"), **content)
    with pytest.raises(refused) as refusal:
        page.answer(1)
    assert refusal.value.kind == "cancelled"
    assert page.answer(1000) is True
    assert same(before, page)
    assert page.workspace.answer is page.workspace.race is page.workspace.compared is None
    assert page.ask("cancel", target=1) is False
    assert page.ask("quantize")["report"]["tensors"]


@pytest.mark.parametrize("change", [{"model": "digits-convnet"}, {"weights": "int4"}])
def test_a_model_that_changed_meanwhile_gets_no_foreign_result(page, refused, change):
    start(page, "quantize", Cancelling(page, "set", changes=change))
    with pytest.raises(refused, match="changed during quantization"):
        page.answer(1)
    assert page.answer(1000)["settings"] | change == page.answer(1000)["settings"]
    assert (page.workspace.result, page.workspace.compared) == (None, None)


def test_progress_reaches_the_page(page):
    page.ask("quantize")
    steps = page.said("progress")
    assert {m["id"] for m in steps} == {1}
    assert all(0 <= m["done"] <= m["total"] and m["message"] for m in steps)


def test_tensors_without_a_graph_can_be_quantized_but_not_run(page, refused, files):
    summary = page.ask("load", [files.npz(w=np.ones((3, 4), np.float32), other=np.ones(2))])["summary"]
    assert "nothing be run" in summary
    made = page.ask("quantize")
    assert (made["name"], [tensor["name"] for tensor in made["report"]["tensors"]]) == ("x-int8.npz", ["w"])
    (data,) = page.said("answer")[-1]["buffers"]
    assert set(np.load(io.BytesIO(data))) == {"w.codes", "w.scale", "other"}
    file = page.ask("export")["file"]
    assert (file["name"], file["page"]) == ("x-int8.npz", False)
    assert "quantize_tensors(model, recipe, kind='npz')" in page.ask("export")["scripts"][1]["code"]
    for kind in ("race", "sample", "run", "sensitivity", "mixed", "improve", "report_page"):
        content = {"sample": {"index": 0}, "run": {"inputs": {"x": [1]}}}.get(kind, {})
        with pytest.raises(refused) as refusal:
            page.ask(kind, **content)
        assert refusal.value.kind == "unsupported"
    with pytest.raises(refused, match="no graph"):
        page.ask("calibration", [files.npz(x=np.ones(3))])
    assert "playground.load('x.npz')" in page.ask("export")["python"]
    assert page.set(tensor="other")["tensor"] == "other"


def test_calibration_belongs_to_one_model(page, files):
    page.ask("load", [files.linear_model()])
    samples = files.npz("mine.npz", x=np.random.default_rng(0).normal(size=(40, 4)))
    assert page.ask("calibration", [samples]) == {"name": "mine.npz", "samples": 40}
    assert page.said("state")[-1]["state"]["calibration"].startswith("mine.npz: 40 samples. Without labels")
    assert page.ask("quantize")["report"]["calibration_samples"] == 40
    page.ask("load", [files.linear_model(name="other.onnx")])
    state = page.ask("state")
    assert (state["calibration_name"], state["calibration"][:19]) == ("", "No calibration data")
    report = page.ask("quantize")["report"]
    assert any("smoke test" in warning for warning in report["warnings"])
    assert any("The inputs are made up" in note for note in page.ask("race")["notes"])


def test_new_calibration_data_makes_the_result_out_of_date(page, files):
    page.ask("load", [files.linear_model()])
    page.ask("quantize")
    page.ask("calibration", [files.npz(x=np.ones((8, 4)))])
    assert page.said("state")[-1]["state"]["quantized"] is False


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"y": np.ones((3, 4))}, "Use the names x"),
        ({"x": np.ones((3, 5))}, "5"),
        ({"x": np.full((3, 4), np.nan)}, "NaN"),
        ({"x": np.ones((0, 4))}, "empty"),
        ({"x": np.array([["a"] * 4])}, "."),
    ],
)
def test_calibration_data_that_does_not_fit(page, files, refused, arrays, words):
    page.ask("load", [files.linear_model()])
    with pytest.raises(refused, match=words):
        page.ask("calibration", [files.npz(**arrays)])
    assert page.ask("state")["calibration_name"] == ""


def test_race_on_an_upload(page, files):
    page.ask("load", [files.linear_model()])
    page.ask("calibration", [files.npz(x=np.random.default_rng(0).normal(size=(40, 4)))])
    page.ask("race")
    race = page.workspace.race
    assert race.batch == 16
    assert [lap.failure for lap in race.laps] == ["", "", ""]


@pytest.mark.parametrize(
    ("request_kind", "title"), [("sensitivity", "Which layer hurts? "), ("race", "Comparing the engines: ")]
)
def test_the_progress_of_a_long_job_begins_with_what_is_done_and_has_no_counts_of_parts(page, request_kind, title):
    page.ask(request_kind)
    told = [message for message in page.said("progress") if message["id"] == page.requests]
    assert told
    assert all(message["message"].startswith(title) for message in told)
    assert {message["total"] for message in told} == {1}
    shares = [message["done"] for message in told]
    assert all(0 <= share <= 1 for share in shares)
