"""TFLite files in the page: opened, and the float one quantized."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from playwright.sync_api import Page, expect

from tests.model.readers import tflite_nets


def test_an_int8_file_runs_in_integers(page: Page) -> None:
    """Whole, as the answer to ``load`` says."""
    content = list(tflite_nets.files()["mobilenet.ends"])
    loaded: Any = page.evaluate("(bytes) => playground.load(new File([new Uint8Array(bytes)], 'ends.tflite'))", content)
    assert (loaded["format"], loaded["refused"]) == ("tflite", [])


def test_a_float_file_is_quantized(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(tflite_nets.files()["mobilenet.float"])
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    page.set_input_files("#open", path)
    expect(page.locator("#slot-model-numbers")).to_contain_text("format tflite", timeout=30_000)
    page.locator("#quantize").click()
    expect(page.locator("#toasts")).to_contain_text("Quantized: ", timeout=60_000)
    page.locator("#tab-export").click()
    with page.expect_download() as download:
        page.locator("#save-model").click()
    session = onnxruntime.InferenceSession(download.value.path(), providers=["CPUExecutionProvider"])
    samples, wanted = tflite_nets.answers("mobilenet.float")
    (given,) = session.get_inputs()
    found = np.stack([session.run(None, {given.name: sample})[0] for sample in samples])
    # calibrated on made-up inputs
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.8
