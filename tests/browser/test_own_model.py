"""A model of one's own that leaves sizes open, without samples: its card, what is offered, and images to run on."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from playwright.sync_api import Page, expect

RNG = np.random.default_rng(0)
TEN = 10

WATCH = """() => {
  const place = document.querySelector('[data-advice="run"]');
  window.sentences = [];
  new MutationObserver(() => window.sentences.push(place.textContent)).observe(place, { childList: true });
}"""


@pytest.fixture
def opened(page: Page, tmp_path: Path) -> Page:
    """A classifier of images of any height and width, opened in the Tensor view."""
    filters = numpy_helper.from_array((RNG.normal(size=(4, 3, 3, 3)) / 5).astype(np.float32), "W")
    weights = numpy_helper.from_array(RNG.normal(size=(4, TEN)).astype(np.float32), "F")
    nodes = [
        helper.make_node("Conv", ["x", "W"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "F"], ["m"]),
        helper.make_node("Softmax", ["m"], ["y"], axis=1),
    ]
    shapes = {"x": ["batch", 3, "height", "width"], "y": ["batch", TEN]}
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph(nodes, "net", infos[:1], infos[1:], [filters, weights])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "classifier.onnx"
    path.write_bytes(made.SerializeToString())
    page.set_input_files("#open", path)
    page.wait_for_function("() => playground.state.model === 'upload'")
    return page


def test_the_card_offers_sizes_and_what_needs_samples_asks_for_them(opened: Page, tmp_path: Path) -> None:
    card, sizes = opened.locator("#opened"), opened.locator("#opened-size")
    expect(card).to_contain_text("Size of the input x, which the file leaves open")
    expect(sizes.locator("option", has_text="1 × 3 × 64 × 64")).to_have_count(1, timeout=30_000)
    sizes.select_option("other")
    field = opened.locator("#slot-model-sizes").get_by_role("textbox")
    expect(field).to_be_focused()
    sizes.select_option("1x3x64x64")
    expect(field).to_have_value("1x3x64x64")
    opened.locator("#opened-quantize").click()
    expect(opened.locator("#toasts")).to_contain_text("Quantized: ", timeout=60_000)
    expect(card).to_be_hidden()
    for button in ("#improve", "#curve"):
        expect(opened.locator(button)).to_be_hidden()
    expect(opened.locator("#sensitivity")).to_be_enabled()
    fix = opened.locator(".card", has=opened.locator("#improve"))
    with opened.expect_file_chooser() as chooser:
        fix.get_by_role("button", name="Add calibration data").click()
    samples = tmp_path / "samples.npz"
    np.savez(samples, x=RNG.random((8, 3, 32, 32)).astype(np.float32))
    chooser.value.set_files(samples)
    expect(opened.locator("#improve")).to_be_visible()
    expect(opened.locator("#curve")).to_be_visible()
    expect(opened.locator("[data-unmeasured]").first).to_be_hidden()


def test_it_runs_on_images_and_the_headline_does_not_propose_what_is_done(opened: Page, tmp_path: Path) -> None:
    opened.evaluate("() => playground.setState({sizes: '1x3x32x32'})")
    opened.locator("#tab-run").click()
    paths = [tmp_path / f"{at}.png" for at in range(2)]
    for path in paths:
        Image.fromarray(RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
    opened.set_input_files("#input-file", paths)
    expect(opened.locator("#pad-hint")).to_contain_text("Images are cropped to 32 x 32, RGB, NCHW", timeout=60_000)
    answers = opened.locator("#slot-run-answers").get_by_role("table").first
    expect(answers.get_by_role("row")).to_have_count(3)
    expect(answers).to_contain_text("Float says")
    expect(answers.get_by_role("row").nth(2)).to_contain_text(" %)")
    headline = opened.locator('[data-advice="run"]')
    expect(headline.get_by_role("button", name="Compare the engines")).to_be_visible()
    opened.evaluate(WATCH)
    headline.get_by_role("button").click()
    expect(headline).to_contain_text("Fastest here", timeout=60_000)
    (during,) = {text for text in opened.evaluate("() => window.sentences") if "being compared" in text}
    assert during.endswith("The engines are being compared.")


def test_a_file_that_is_no_image_leaves_the_view_as_it_was(opened: Page, tmp_path: Path) -> None:
    opened.locator("#tab-run").click()
    hint = opened.locator("#pad-hint").inner_text()
    wrong = tmp_path / "wrong.png"
    wrong.write_bytes(b"not an image")
    opened.set_input_files("#input-file", wrong)
    expect(opened.locator("#toasts")).to_contain_text("wrong.png: the browser cannot read this image")
    expect(opened.locator("#pad-hint")).to_have_text(hint)
    for number in (1, 2):
        np.savez(tmp_path / f"{number}.npz", x=np.zeros((1, 3, 8, 8), np.float32))
    opened.set_input_files("#input-file", [tmp_path / "1.npz", tmp_path / "2.npz"])
    expect(opened.locator("#toasts")).to_contain_text("Choose one .npz file, or images, but not both.")
