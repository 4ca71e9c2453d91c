"""State that people trust: Back, reload, undo, results of before, and what cannot be done."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from playground import gallery
from tests.browser.conftest import Visit, new_context

READY = "() => window.playground?.started"
FOLDERS = """async () => {
  const root = await navigator.storage.getDirectory();
  const found = [];
  try {
    for await (const name of (await root.getDirectoryHandle("uploads")).keys()) found.push(name);
  } catch {}
  return found;
}"""


@pytest.fixture
def fresh(browser, site):
    """A visitor who has never been here."""
    context = new_context(browser)
    visit = Visit(context, site)
    yield visit
    assert visit.foreign() == []
    context.close()


def written(path, model_id="digits-convnet"):
    path.write_bytes(gallery.model_bytes(model_id))
    return path


def open_file(page, path):
    page.set_input_files("#open", path)
    expect(page.locator("#opened-name")).to_have_text(path.name, timeout=30_000)


def view(page):
    return page.locator("[role=tab][aria-selected=true]").get_attribute("data-view")


def test_back_leads_to_the_view_before_and_keeps_the_settings(page):
    for name in ("model", "run"):
        page.locator(f"#tab-{name}").click()
        page.wait_for_function("(name) => playground.state.view === name", arg=name)
    page.evaluate("() => playground.setState({format: 'int5'})")
    page.go_back()
    page.wait_for_function("() => playground.state.view === 'model'")
    assert view(page) == "model"
    page.go_back()
    page.wait_for_function("() => playground.state.view === 'tensor'")
    assert (view(page), page.evaluate("() => playground.state.format")) == ("tensor", "int5")
    assert "view=" not in page.url
    assert "format=int5" in page.url
    page.go_forward()
    page.wait_for_function("() => playground.state.view === 'model'")
    assert view(page) == "model"


def test_a_view_chosen_before_python_answers_stays(fresh):
    page = fresh.page
    page.goto(fresh.site)
    page.locator("#tab-model").click()
    page.wait_for_function(READY, timeout=60_000)
    page.wait_for_function("() => playground.state.view === 'model'")
    assert view(page) == "model"
    page.go_back()
    page.wait_for_function("() => playground.state.view === 'tensor'")


def test_a_reload_keeps_the_opened_file_until_it_is_forgotten(fresh, tmp_path):
    page = fresh.open()
    open_file(page, written(tmp_path / "mine.onnx"))
    expect(page.locator("#opened-kept")).to_contain_text("Kept in this browser until")
    page.evaluate("() => playground.setState({tensor: 'fc.weight', weights: 'int4', exclude: 'fc*'})")
    calibration = tmp_path / "samples.npz"
    np.savez(calibration, image=gallery.digits().images[:20])
    page.set_input_files("#calibration", calibration)
    expect(page.locator("#calibration-hint")).to_contain_text("20 samples")
    page.wait_for_function("() => JSON.parse(sessionStorage.upload).names.calibration.length")
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.accept()))
    page.reload()
    page.wait_for_function(READY, timeout=60_000)
    assert dialogs == []
    state = page.evaluate("() => playground.state")
    assert (state["model"], state["tensor"], state["weights"], state["exclude"]) == (
        "upload", "fc.weight", "int4", "fc*",
    )  # fmt: skip
    expect(page.locator("#calibration-hint")).to_contain_text("20 samples")
    assert "fc" not in page.url
    assert page.locator("#undo").get_attribute("aria-disabled") == "true"
    page.locator("#tab-export").click()
    page.locator("#forget-file").click()
    expect(page.locator("#kept-file")).to_be_hidden()
    page.wait_for_function(f"() => ({FOLDERS})().then((folders) => !folders.length)")
    page.reload()
    page.wait_for_function(READY, timeout=60_000)
    assert dialogs == ["beforeunload"]
    assert page.evaluate("() => playground.state.model") == "digits-mlp"


def test_a_copy_that_is_too_old_is_removed_and_said(fresh, tmp_path):
    page = fresh.open()
    open_file(page, written(tmp_path / "mine.onnx"))
    expect(page.locator("#opened-kept")).to_contain_text("Kept in this browser until")
    page.evaluate(
        """async () => {
          const uploads = await (await navigator.storage.getDirectory()).getDirectoryHandle("uploads", {create: true});
          const old = `${Date.now() - 25 * 3600 * 1000}-1`;
          await uploads.getDirectoryHandle(old, {create: true});
          addEventListener("pagehide", () => {
            sessionStorage.upload = JSON.stringify({...JSON.parse(sessionStorage.upload), id: old});
          });
        }"""
    )
    page.reload()
    page.wait_for_function(READY, timeout=60_000)
    page.get_by_text("mine.onnx is no longer kept in this browser. Open it again.").wait_for()
    assert not any(name.endswith("-1") for name in page.evaluate(FOLDERS))


def test_another_tab_does_not_get_the_file(fresh, tmp_path):
    page = fresh.open()
    open_file(page, written(tmp_path / "mine.onnx"))
    expect(page.locator("#opened-kept")).to_contain_text("Kept in this browser until")
    other = fresh.context.new_page()
    other.goto(fresh.site)
    other.wait_for_function(READY, timeout=60_000)
    assert other.evaluate("() => playground.state.model") == "digits-mlp"
    assert len(page.evaluate(FOLDERS)) == 1
    other.close()


def test_without_a_place_to_keep_it_the_page_asks_before_it_is_left(fresh, tmp_path):
    page = fresh.page
    page.add_init_script("Object.defineProperty(navigator.storage, 'getDirectory', { value: undefined });")
    fresh.open()
    open_file(page, written(tmp_path / "mine.onnx"))
    expect(page.locator("#opened-kept")).to_have_text("It is not kept for a reload of this page.")
    expect(page.locator("#forget")).to_be_hidden()
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.accept()))
    page.locator("#opened-look").click()
    page.reload()
    page.wait_for_function(READY, timeout=60_000)
    assert dialogs == ["beforeunload"]


def test_what_a_link_does_not_ask_for_is_not_shown_as_if_it_did(fresh):
    page = fresh.page
    page.add_init_script(
        """window.links = [];
        new MutationObserver(() => links.push(document.body?.dataset.link))
          .observe(document, { attributes: true, attributeFilter: ["data-link"], subtree: true });"""
    )
    fresh.open("/?v=1&format=int8&lo=-0.1")
    assert page.evaluate("() => links")[0] == "asked"
    assert page.evaluate("() => document.body.dataset.link") is None
    assert page.evaluate("() => getComputedStyle(document.getElementById('slot-tensor-controls')).opacity") == "1"
    fresh.open("/?v=1&view=model")
    assert page.evaluate("() => links") == []


def test_a_file_of_tensors_disables_what_needs_a_graph(page, tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, w=np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8))
    open_file(page, path)
    expect(page.locator("#opened-calibration")).to_be_hidden()
    for name, buttons in (("model", ["sensitivity", "mixed", "improve", "curve"]), ("run", ["race"])):
        page.locator(f"#tab-{name}").click()
        for button in buttons:
            expect(page.locator(f"#{button}")).to_be_disabled()
        expect(page.locator(f"[data-advice={name}]")).to_contain_text("weights.npz has tensors and no graph")
    page.locator("[data-advice=run] .link").click()
    assert view(page) == "tensor"
    page.evaluate("() => playground.reset()")
    expect(page.locator("#quantize")).to_be_enabled()


def test_the_tensor_picker_says_which_file_is_open(page, tmp_path):
    for name in ("first.onnx", "second.onnx"):
        open_file(page, written(tmp_path / name))
        expect(page.get_by_role("combobox", name="Tensor", exact=True)).to_have_value(re.compile(name))


def test_results_are_kept_and_marked_until_the_model_is_quantized_again(page):
    page.evaluate("() => playground.setState({weights: 'int4'})")
    page.locator("#tab-model").click()
    page.locator("#quantize").click()
    numbers = page.locator("#slot-model-numbers")
    expect(numbers).to_contain_text("Quantized")
    page.evaluate("() => playground.setState({weights: 'int8'})")
    expect(numbers).to_contain_text("before the last change")
    expect(page.locator("#slot-model-report")).to_contain_text("Before the last change")
    page.locator("#tab-export").click()
    expect(page.locator("#export-model-text")).to_contain_text("Made before the last change of the settings.")
    with page.expect_download() as download:
        page.locator("#save-model").click()
    assert download.value.suggested_filename == "digits-mlp-int4.onnx"
    page.locator("#tab-model").click()
    page.locator("#undo").click()
    # what the sentence presses is in a view that is not shown
    with page.expect_download() as download:
        page.locator("[data-advice=model]").get_by_role("button", name="Download the quantized model").click()
    assert download.value.suggested_filename == "digits-mlp-int4.onnx"
    page.locator("#tab-export").click()
    expect(page.locator("#export-model-text")).not_to_contain_text("before")
    expect(page.locator("#code")).to_contain_text("playground.quantize_model(model, recipe, samples)")


def test_undo_and_redo_by_buttons_and_keys(page, tmp_path):
    expect(page.locator("#undo")).to_have_attribute("title", re.compile("Undo"))
    page.evaluate("() => playground.setState({format: 'int6'})")
    page.evaluate("() => playground.setState({symmetric: true})")
    expect(page.locator("#undo")).to_have_attribute("title", "Undo: symmetric")
    page.locator("#undo").click()
    page.wait_for_function("() => !playground.state.symmetric")
    page.keyboard.press("Control+z")
    page.wait_for_function("() => playground.state.format === 'int3'")
    page.keyboard.press("Control+Shift+Z")
    page.wait_for_function("() => playground.state.format === 'int6'")
    open_file(page, written(tmp_path / "mine.onnx"))
    expect(page.locator("#undo")).to_have_attribute("title", "Undo: opening mine.onnx")
    page.keyboard.press("Control+z")
    page.wait_for_function("() => playground.state.model === 'digits-mlp'")
    page.keyboard.press("Control+y")
    page.wait_for_function("() => playground.state.model === 'upload'")


def test_undo_leads_back_to_the_file_that_a_new_python_gets(page, tmp_path):
    open_file(page, written(tmp_path / "first.onnx"))
    open_file(page, written(tmp_path / "second.onnx", "digits-mlp"))
    page.locator("#undo").click()
    page.wait_for_function("() => playground.state.tensor === 'pointwise2.weight'")
    page.evaluate("() => playground.restart('Stopped by the test')")
    page.wait_for_function(READY, timeout=60_000)
    expect(page.get_by_role("combobox", name="Tensor", exact=True)).to_have_value(re.compile("first.onnx"))


def test_running_work_is_shown_in_every_view_and_can_be_cancelled_there(page):
    page.evaluate("() => playground.setState({model: 'moby-dick-transformer', weights: 'int4'})")
    page.locator("#tab-model").click()
    page.locator("#improve").click()
    for name in ("tensor", "run", "export", "model"):
        page.locator(f"#tab-{name}").click()
        expect(page.locator("#job")).to_be_visible()
        expect(page.locator("#cancel")).to_be_in_viewport()
    page.locator("#tab-tensor").click()
    page.locator("#cancel").click()
    expect(page.locator("#job")).to_be_hidden(timeout=20_000)
    page.get_by_text(re.compile("Cancelled|was cancelled")).first.wait_for()


def test_the_sentence_and_its_link(page):
    advice = page.locator("[data-advice=tensor]")
    expect(advice).to_contain_text("3 bits, one scale")
    advice.locator(".link").click()
    page.wait_for_function(
        "() => playground.state.granularity !== 'tensor' || playground.state.calibrator !== 'minmax'"
    )
    expect(advice).not_to_contain_text("3 bits, one scale: 99")
    page.locator("#undo").click()
    page.evaluate(
        "() => playground.setState({model: 'digits-convnet', weights: 'int3', weights_granularity: 'tensor'})"
    )
    page.locator("#tab-model").click()
    told = page.locator("[data-advice=model]")
    for label in ("Quantize the model", "Which layer hurts?", "Fix it"):
        told.get_by_role("button", name=label).click(timeout=60_000)
    told.get_by_role("button", name=re.compile("^Use ")).click(timeout=60_000)
    expect(told.get_by_role("button", name="Quantize the model again")).to_be_visible(timeout=30_000)


def test_samples_whose_answer_changed_are_loaded_by_a_click(page):
    page.evaluate("() => playground.setState({weights: 'int2', weights_granularity: 'tensor'})")
    page.locator("#tab-run").click()
    first = page.locator("#answers [data-changed]").first
    expect(first).to_be_visible(timeout=30_000)
    sample = re.search(r"Sample (\d+)", first.inner_text())[1]
    first.click()
    expect(page.locator("#pad-hint")).to_contain_text(f"Sample {sample} is")
    expect(page.locator("#answers-title")).to_contain_text("of 360 answers changed")


def test_own_samples_are_shown_with_both_answers(page, tmp_path):
    open_file(page, written(tmp_path / "mine.onnx"))
    calibration = tmp_path / "samples.npz"
    np.savez(calibration, image=gallery.digits().images[:12])
    page.set_input_files("#calibration", calibration)
    expect(page.locator("#calibration-hint")).to_contain_text("12 samples")
    page.evaluate("() => playground.quantize()")
    page.locator("#tab-run").click()
    tiles = page.locator("#answers .tile")
    expect(tiles).to_have_count(12)
    expect(tiles.first).to_contain_text("float")
    tiles.nth(3).click()
    expect(page.locator("#slot-run-answers")).to_contain_text("SQNR")


def test_texts_stream_in_two_columns(page):
    page.evaluate(
        "() => playground.setState({model: 'moby-dick-transformer', weights: 'int4', activations: 'weight_only'})"
    )
    page.locator("#tab-run").click()
    page.evaluate(
        """() => {
          window.texts = new Set();
          const host = document.getElementById("slot-run-answers");
          const all = (node) => [...(node.shadowRoot?.querySelectorAll("*") ?? []), ...node.children].flatMap((one) =>
            one.matches?.(".continued mark") ? [one] : all(one));
          window.watch = setInterval(() => { for (const mark of all(host)) texts.add(mark.textContent); }, 20);
        }"""
    )
    page.locator("#prompt-go").click()
    expect(page.locator("#slot-run-answers .continued mark")).to_have_count(2, timeout=60_000)
    expect(page.locator("#prompt-hint")).to_contain_text(re.compile("They part|Both add"), timeout=60_000)
    assert len(page.evaluate("() => { clearInterval(watch); return [...texts]; }")) > 6
    boxes = [page.locator("#slot-run-answers .continued").nth(i).bounding_box() for i in range(2)]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] < boxes[1]["x"]
