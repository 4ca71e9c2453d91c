"""Sizes that a model leaves open: asked for in a form, then used; and whether there are enough samples."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from playwright.sync_api import Page, expect

RNG = np.random.default_rng(0)


@pytest.fixture
def open_file(tmp_path: Path) -> Path:
    """Conv and Sigmoid of any height and width."""
    weights = numpy_helper.from_array((RNG.normal(size=(4, 3, 3, 3)) / 5).astype(np.float32), "W")
    nodes = [helper.make_node("Conv", ["x", "W"], ["c"], pads=[1, 1, 1, 1]), helper.make_node("Sigmoid", ["c"], ["y"])]
    shapes = {"x": ["batch", 3, "height", "width"], "y": ["batch", 4, "height", "width"]}
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph(nodes, "net", infos[:1], infos[1:], [weights])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "open.onnx"
    path.write_bytes(made.SerializeToString())
    return path


@pytest.fixture
def opened(page: Page, open_file: Path) -> Page:
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    page.set_input_files("#open", open_file)
    page.wait_for_function("() => playground.state.model === 'upload'")
    return page


def test_sizes_are_asked_for_and_used(opened: Page) -> None:
    form = opened.locator("#slot-model-sizes")
    expect(form).to_contain_text("Sizes of inputs")
    expect(form).not_to_contain_text("are being tried", timeout=30_000)
    opened.locator("#quantize").click()
    expect(opened.locator("#toasts")).to_contain_text("Choose its sizes under Sizes of inputs")
    form.get_by_role("combobox").first.click()
    opened.locator(".MuiMenuItem-root", has_text="1 × 3 × 224 × 224").click()
    opened.wait_for_function("() => playground.state.sizes === '1x3x224x224'")
    assert "sizes=1x3x224x224" in opened.url
    assert "upload" not in opened.url
    opened.evaluate("() => document.getElementById('toasts').replaceChildren()")
    opened.locator("#quantize").click()
    expect(opened.locator("#toasts")).to_contain_text("Quantized: ", timeout=60_000)
    expect(opened.locator("#slot-model-report")).to_contain_text("smoke test")
    opened.locator("#tab-run").click()
    opened.locator("#made-up").click()
    expect(opened.locator("#pad-hint")).to_contain_text("On made-up inputs. Float ran in", timeout=60_000)
    opened.locator("#race").click()
    expect(opened.locator("#slot-run-engines")).to_contain_text("The inputs are made up", timeout=60_000)
    opened.locator("#tab-export").click()
    with opened.expect_download() as download:
        opened.locator("#save-model").click()
    session = onnxruntime.InferenceSession(download.value.path(), providers=["CPUExecutionProvider"])
    made = session.run(None, {"x": RNG.random((2, 3, 20, 30)).astype(np.float32)})[0]
    assert made.shape == (2, 4, 20, 30)


def test_other_sizes_are_written(opened: Page) -> None:
    field = opened.locator("#slot-model-sizes").get_by_role("textbox")
    field.fill("1x3x40x50")
    field.press("Tab")
    opened.wait_for_function("() => playground.state.sizes === '1x3x40x50'")
    field.fill("1x7x40x50")
    field.press("Tab")
    form = opened.locator("#slot-model-sizes")
    expect(form).to_contain_text("does not fit this input")
    expect(opened.locator("#announced")).to_contain_text("does not fit this input")
    expect(field).to_have_value("1x7x40x50")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert opened.evaluate("() => playground.state.sizes") == "1x3x40x50"
    field.fill("48x192")
    field.press("Tab")
    expect(field).to_have_value("1x3x48x192")
    expect(form).not_to_contain_text("does not fit this input")


def test_the_form_is_hidden_where_nothing_is_open(page: Page) -> None:
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    expect(page.locator("#slot-model-sizes").get_by_role("textbox")).to_have_count(0)


def test_whether_the_samples_are_enough(page: Page, source: Any) -> None:
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    page.locator("#curve").click()
    expect(page.locator("#slot-model-samples")).to_contain_text("on 64 other samples", timeout=60_000)
    assert list(source(page, "samples-points")["samples"])[:4] == ["1", "2", "4", "8"]
