"""Files of TFLite and Keras in the page: opened, and float ones quantized; models written for LiteRT."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from playground import gallery, load, run
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
    expect(page.locator("#slot-model-numbers")).to_contain_text(f"of a {path.suffix} file", timeout=30_000)
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


def test_a_model_is_written_for_litert(page: Page) -> None:
    page.evaluate("() => playground.setState({model: 'digits-convnet', runtime: 'tflite'})")
    page.locator("#tab-model").click()
    page.locator("#quantize").click()
    expect(page.locator("#toasts")).to_contain_text("Quantized: ", timeout=60_000)
    page.locator("#tab-export").click()
    expect(page.locator("#save-model")).to_have_text("Download .tflite")
    with page.expect_download() as download:
        page.locator("#save-model").click()
    content = download.value.path().read_bytes()
    assert download.value.suggested_filename == "digits-convnet-int8.tflite"
    expect(page.locator('[data-advice="export"]')).to_contain_text(f"{len(content) / 1000:.1f} kB")
    digits = gallery.digits()
    again = load(content, "again.tflite")
    logits = run(again, {"image": digits.images}, engine="reference")["logits"]
    assert (logits.argmax(1) == digits.labels).mean() > gallery.entry("digits-convnet").float_accuracy - 0.02
    if importlib.util.find_spec("ai_edge_litert"):
        np.testing.assert_allclose(_by_litert(content, digits.images), logits, atol=0.02 * np.abs(logits).max())


def _by_litert(content: bytes, images: NDArray[Any]) -> NDArray[Any]:
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(model_content=content)
    (given,), (made,) = model.get_input_details(), model.get_output_details()
    model.resize_tensor_input(given["index"], images.shape)
    model.allocate_tensors()
    model.set_tensor(given["index"], images)
    model.invoke()
    found: NDArray[Any] = model.get_tensor(made["index"])
    return found


def test_a_model_without_a_form_for_litert_is_refused_by_its_node(page: Page, tmp_path: Path) -> None:
    weights = onnx.numpy_helper.from_array(np.eye(4, dtype=np.float32), "w")
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["a"], "product"),
        onnx.helper.make_node("Softplus", ["a"], ["y"], "softplus"),
    ]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2, 4]) for name in ("x", "y")]
    graph = onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], [weights])
    path = tmp_path / "softplus.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 19)], ir_version=9), path)
    page.set_input_files("#open", path)
    expect(page.locator("#opened-name")).to_have_text(path.name)
    page.evaluate("() => playground.setState({runtime: 'tflite'})")
    page.locator("#tab-model").click()
    page.locator("#quantize").click()
    told = "node 'softplus' (Softplus): TFLite has no form of this operator here. Write an .onnx file instead"
    expect(page.locator("#toasts")).to_contain_text(told, timeout=60_000)
