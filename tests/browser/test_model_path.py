"""Upload, inventory, quantize with progress, run, download; what is downloaded opens in native ONNX Runtime."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from playwright.sync_api import expect

from playground import gallery
from tests.browser.dropping import dropped


@pytest.fixture
def uploaded(page, tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_bytes(gallery.model_bytes("digits-convnet"))
    page.set_input_files("#open", path)
    page.wait_for_function("() => playground.state.model === 'upload'")
    return page


def test_samples_are_dropped_beside_the_open_model(uploaded, tmp_path):
    page = uploaded
    samples = tmp_path / "samples.npz"
    np.savez(samples, image=np.random.default_rng(3).random((8, 1, 8, 8), np.float32))
    dropped(page, "#drop-samples", samples)
    expect(page.locator("#drop")).to_be_hidden()
    expect(page.locator("#calibration-name")).to_have_text("samples.npz")
    expect(page.locator("#calibration-hint")).to_contain_text("8 samples")
    assert page.evaluate("() => playground.state.model") == "upload"


def accuracy(model, digits):
    logits = onnxruntime.InferenceSession(model).run(None, {"image": digits.images})[0]
    return float((logits.argmax(axis=1) == digits.labels).mean())


def test_upload_quantize_run_download(uploaded, numbers, source, tmp_path):
    page = uploaded
    expect(page.locator("#opened-name")).to_have_text("mine.onnx")
    expect(page.locator("#opened-about")).to_contain_text("12 tensors, a graph of ")
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    names = source(page, "inventory")["name"]
    assert set(names) == set(gallery.open_model("digits-convnet").tensors)
    calibration = tmp_path / "calibration.npz"
    np.savez(calibration, **gallery.calibration("digits-convnet"))
    page.set_input_files("#calibration", calibration)
    page.wait_for_function("() => document.getElementById('calibration-hint').textContent.includes('64 samples')")
    page.locator("#quantize").click()
    page.wait_for_function("() => !document.getElementById('save-model').disabled")
    assert "Quantized" in numbers(page, "model")
    expect(page.locator("#inventory").get_by_text("int8, channel").first).to_be_visible()
    page.locator("#tab-export").click()
    with page.expect_download() as download:
        page.locator("#save-model").click()
    file = download.value.path().read_bytes()
    onnx.checker.check_model(onnx.load_from_string(file), full_check=True)
    digits = gallery.digits()
    quantized, original = accuracy(file, digits), accuracy(gallery.model_bytes("digits-convnet"), digits)
    assert abs(quantized - original) <= 0.01
    with page.expect_download() as download:
        page.locator("#save-report").click()
    report = json.loads(download.value.path().read_text())
    assert report["calibration_samples"] == 64
    assert {t["name"] for t in report["tensors"]} <= set(names)


def test_labels_in_the_file_are_what_the_answers_are_measured_by(page, tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_bytes(gallery.model_bytes("digits-convnet"))
    page.set_input_files("#open", path)
    page.wait_for_function("() => playground.state.model === 'upload'")
    page.locator("#tab-model").click()
    digits = gallery.digits()
    wrong = tmp_path / "wrong.npz"
    np.savez(wrong, image=digits.images[:90], labels=digits.labels[:90] + 5)
    page.set_input_files("#calibration", wrong)
    page.get_by_text("do not fit 10 classes").wait_for()
    labelled = tmp_path / "labelled.npz"
    np.savez(labelled, image=digits.images[:90], labels=digits.labels[:90])
    page.set_input_files("#calibration", labelled)
    expect(page.locator("#calibration-hint")).to_contain_text("90 samples. With labels.")
    page.locator("#quantize").click()
    page.wait_for_function("() => !document.getElementById('save-model').disabled")
    expect(page.locator("#slot-model-numbers")).to_contain_text("Accuracy")
    page.locator("#tab-run").click()
    right = accuracy(gallery.model_bytes("digits-convnet"), type(digits)(digits.images[:90], digits.labels[:90]))
    expect(page.locator("#slot-run-numbers")).to_contain_text(f"{100 * right:.1f}")
    expect(page.locator("#slot-run-numbers")).to_contain_text("on 90 samples")


def test_outputs_in_the_page_are_those_of_native_onnxruntime(page):
    page.evaluate("() => playground.setState({model: 'digits-convnet'})")
    result = page.evaluate("() => playground.quantize().then(({model, report}) => [Array.from(model), report])")
    digits = gallery.digits()
    images = digits.images[:32]
    outputs = page.evaluate("(image) => playground.run({image})", images.tolist())
    ours = np.array(outputs["our int8 kernels"]["logits"]["data"]).reshape(32, 10)
    theirs = onnxruntime.InferenceSession(bytes(result[0])).run(None, {"image": images})[0]
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() >= 0.995
    floats = np.array(outputs["float"]["logits"]["data"]).reshape(32, 10)
    expected = onnxruntime.InferenceSession(gallery.model_bytes("digits-convnet")).run(None, {"image": images})[0]
    np.testing.assert_allclose(floats, expected, rtol=1e-3, atol=1e-4)


def test_engines_side_by_side(page):
    page.locator("#tab-run").click()
    page.wait_for_function("() => document.getElementById('pad-hint').textContent.includes('Sample 1 is')")
    page.locator("#race").click()
    table = page.locator("#slot-run-engines table").first
    table.wait_for(timeout=60_000)
    rows = table.locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows] == ["Our int8 kernels", "ONNX Runtime, int8", "ONNX Runtime, float"]
    assert all(" ms" in row for row in rows)
    steps = page.locator("#slot-run-engines table").nth(1).locator("tbody tr").all_inner_texts()
    assert {row.split("\t")[-1] for row in steps} <= {"int8 kernels", "float kernels"}
    assert {row.split("\t")[5] for row in steps if " M\t" in row} >= {"Gemm"}
    notes = page.locator("#slot-run-engines li").all_inner_texts()
    assert any("In our kernels: 100.0 % of the " in note for note in notes)
    assert sum("the same answers for all samples" in note for note in notes) == 1
    assert "Our int8 kernels and our reference in integers agree in every code of 4 activations." in notes
    assert any(note.startswith("ONNX Runtime and fake quantization ") for note in notes)


def test_drawing_a_digit_is_answered_by_both(page):
    page.locator("#tab-run").click()
    page.locator("#pad-clear").click()
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 20, steps=12)
    page.mouse.up()
    page.wait_for_function("() => /Both say|Float says/.test(document.getElementById('pad-hint').textContent)")
    assert sum(source_of(page)["float"]) == pytest.approx(1, abs=1e-5)


def source_of(page):
    return page.evaluate(
        "() => Object.fromEntries(Object.entries(Bokeh.documents.map((d) => d.get_model_by_name('answers'))"
        ".find((m) => m).data).map(([k, v]) => [k, Array.from(v)]))"
    )


def test_quantization_can_be_cancelled(page, big_model, toasts):
    page.set_input_files("#open", big_model)
    page.wait_for_function("() => playground.state.model === 'upload'")
    page.locator("#tab-model").click()
    page.locator("#quantize").click()
    page.locator("#cancel").click(timeout=20_000)
    page.wait_for_function("() => document.getElementById('job').hidden", timeout=20_000)
    assert any("Cancelled" in text for text in toasts(page))
    assert page.evaluate("() => playground.report()") is None


def test_what_our_kernels_cannot_run_runs_in_onnxruntime(page, odd_model, toasts):
    page.set_input_files("#open", odd_model)
    page.wait_for_function("() => playground.state.model === 'upload'")
    outputs = page.evaluate("() => playground.run({x: [[0.5, -1, 2, 0.25]]})")
    assert "ONNX Runtime" in outputs
    expected = onnxruntime.InferenceSession(odd_model.read_bytes()).run(None, {"x": np.float32([[0.5, -1, 2, 0.25]])})[
        0
    ]
    np.testing.assert_allclose(outputs["float"]["y"]["data"], expected.ravel(), rtol=1e-4, atol=1e-5)
