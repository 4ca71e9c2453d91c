"""Files of TFLite and Keras in the page: opened, and float ones quantized."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from tests.model.readers import keras_nets, tflite_nets


def test_an_int8_file_runs_in_integers(page: Page) -> None:
    """Whole, as the answer to ``load`` says."""
    content = list(tflite_nets.files()["mobilenet.ends"])
    loaded: Any = page.evaluate("(bytes) => playground.load(new File([new Uint8Array(bytes)], 'ends.tflite'))", content)
    assert (loaded["format"], loaded["refused"]) == ("tflite", [])


def _quantized(page: Page, path: Path, *samples: NDArray[Any]) -> list[NDArray[Any]]:
    """What the int8 model of a float file answers, in ONNX Runtime: opened and quantized as people do it."""
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    page.set_input_files("#open", path)
    expect(page.locator("#slot-model-numbers")).to_contain_text(f"format {path.suffix[1:]}", timeout=30_000)
    page.locator("#quantize").click()
    expect(page.locator("#toasts")).to_contain_text("Quantized: ", timeout=60_000)
    page.locator("#tab-export").click()
    with page.expect_download() as download:
        page.locator("#save-model").click()
    session = onnxruntime.InferenceSession(download.value.path(), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return [session.run(None, {given.name: sample})[0] for sample in samples]


def test_a_float_file_is_quantized(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(tflite_nets.files()["mobilenet.float"])
    samples, wanted = tflite_nets.answers("mobilenet.float")
    found = np.stack(_quantized(page, path, *samples))
    # calibrated on made-up inputs
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.8


@pytest.mark.parametrize("name", ["images.keras", "images.h5"])
def test_a_keras_file_is_quantized(page: Page, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(keras_nets.files()[name])
    told = keras_nets.arrays("images")
    (found,) = _quantized(page, path, told["x0"])
    assert np.corrcoef(found.ravel(), told["y0"].ravel())[0, 1] > 0.8


def test_a_lambda_layer_is_refused_in_the_page(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "program.keras"
    path.write_bytes(keras_nets.files()["program.keras"])
    page.set_input_files("#open", path)
    expect(page.locator("#toasts")).to_contain_text("has a Lambda layer, which is a program", timeout=30_000)
